#include "fanion/linalg/cost_model.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

constexpr double kSteps = 0.17, kPower = 0.27;  // measured, see krylov_steps
constexpr double kQrFactor = 8;  // how much slower LAPACK's QR of a thin block is than a product of as many flops

/// y at x by the power law through the two nearest of the measured points.
template <std::size_t N>
double power_law(const std::array<int64_t, N>& xs, const std::array<double, N>& ys, double x) {
  std::size_t i = 0;
  while (i + 2 < N && static_cast<double>(xs[i + 1]) < x) ++i;
  const double x0 = static_cast<double>(xs[i]), x1 = static_cast<double>(xs[i + 1]);
  const double slope = std::log(ys[i + 1] / ys[i]) / std::log(x1 / x0);
  return ys[i] * std::exp(slope * std::log(std::max(x, 1.0) / x0));
}

double product_seconds(const SvdRates& rates, double elements, int64_t columns) {
  if (columns <= kRateColumns.back())
    return elements * power_law(kRateColumns, rates.gram, static_cast<double>(columns));
  const double b = static_cast<double>(columns), last = static_cast<double>(kRateColumns.back());
  return elements * std::max(rates.gram.back(), b * std::min(rates.gram.back() / last, 4 * rates.gemm));
}

template <class Number>
void read_positive(const nlohmann::json& json, const char* key, Number& value, const std::string& where) {
  try {
    value = json.at(key).get<Number>();
  } catch (const nlohmann::json::exception&) {
    TORCH_CHECK_VALUE(false, where, ": '", key, "' is missing or not what `fanion svd --calibrate` writes");
  }
  const auto positive = [](double x) { return std::isfinite(x) && x > 0; };
  bool all = true;
  if constexpr (std::is_same_v<Number, double>)
    all = positive(value);
  else
    all = std::all_of(value.begin(), value.end(), positive);
  TORCH_CHECK_VALUE(all, where, ": '", key, "' must be positive");
}

nlohmann::json to_object(const SvdRates& r) {
  return {{"gram", r.gram}, {"gemm", r.gemm}, {"basis", r.basis}, {"svd", r.svd}};
}

SvdRates rates_from(const nlohmann::json& json, const char* key, const std::string& where) {
  TORCH_CHECK_VALUE(json.contains(key) && json[key].is_object(), where, ": the object '", key, "' is missing");
  SvdRates rates{};
  const auto& object = json[key];
  const auto inside = where + ": " + key;
  read_positive(object, "gram", rates.gram, inside);
  read_positive(object, "gemm", rates.gemm, inside);
  read_positive(object, "basis", rates.basis, inside);
  read_positive(object, "svd", rates.svd, inside);
  return rates;
}

const SvdRates& rates_of(const SvdShape& shape, const SvdCosts& costs) {
  return shape.in_double ? costs.float64 : costs.float32;
}

}  // namespace

SvdCosts default_costs() {
  return {.float32 = {.gram = {4.9e-11, 6.1e-11, 6.5e-11, 1e-10, 2.1e-10, 4.2e-10},
                      .gemm = 5e-12,
                      .basis = 2.3e-11,
                      .svd = {0.00025, 0.001, 0.0052, 0.028, 0.18}},
          .float64 = {.gram = {5.3e-10, 2.9e-09, 3.1e-09, 3.3e-09, 2.8e-09, 4e-09},
                      .gemm = 1.1e-11,
                      .basis = 2.3e-10,
                      .svd = {0.00053, 0.0024, 0.01, 0.055, 0.29}},
          .eigh = {0.00021, 0.00092, 0.0047, 0.023, 0.14},
          .step = 2.5e-05};
}

std::filesystem::path costs_file() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != '\0')
    return std::filesystem::path(config) / "fanion" / "svd_costs.json";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::filesystem::path(home) / ".config" / "fanion" / "svd_costs.json";
  return {};
}

SvdCosts read_costs(const std::filesystem::path& file) {
  const auto name = file.string();
  std::ifstream in(file);
  TORCH_CHECK_VALUE(in.good(), name, ": the costs of the SVD cannot be read");
  const auto json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK_VALUE(json.is_object(), name, ": is no JSON object; `fanion svd --calibrate` writes one");
  SvdCosts costs{};
  costs.float32 = rates_from(json, json.contains("single") ? "single" : "float32", name);
  costs.float64 = rates_from(json, json.contains("twice") ? "twice" : "float64", name);
  read_positive(json, "eigh", costs.eigh, name);
  read_positive(json, "step", costs.step, name);
  return costs;
}

std::string to_json(const SvdCosts& costs) {
  const nlohmann::json json = {{"float32", to_object(costs.float32)},
                               {"float64", to_object(costs.float64)},
                               {"eigh", costs.eigh},
                               {"step", costs.step}};
  return json.dump(1) + "\n";
}

const SvdCosts& svd_costs() {
  static const SvdCosts costs = [] {
    const char* given = std::getenv("FANION_SVD_COSTS");
    if (given != nullptr && *given != '\0') return read_costs(given);
    const auto file = costs_file();
    return !file.empty() && std::filesystem::exists(file) ? read_costs(file) : default_costs();
  }();
  return costs;
}

double krylov_steps(const SvdShape& shape) {
  const double m = static_cast<double>(shape.m), n = static_cast<double>(std::min(shape.m, shape.n));
  const double larger = std::max(m, static_cast<double>(shape.n));
  const double k = static_cast<double>(shape.k);
  const double b = static_cast<double>(shape.block > 0 ? shape.block : krylov_block(shape.k));
  const double edge = std::cbrt(1 / std::sqrt(larger) + 1 / std::sqrt(n)) / (std::sqrt(larger) + std::sqrt(n));
  const double gap = edge * (std::cbrt((k + b) * (k + b)) - std::cbrt(k * k));
  const double log_start = std::log(4 * std::sqrt(n)), log_tol = std::log(1 / shape.tol);
  const double logarithm = shape.warm ? log_tol : log_start + log_tol;
  double steps = kSteps * std::pow(k + b, kPower) * logarithm / std::sqrt(gap);
  if (shape.criterion == SvdCriterion::lmo_gap) steps = std::min(steps, logarithm / (2 * std::sqrt(shape.tol)));
  if (shape.criterion == SvdCriterion::passes) steps = static_cast<double>(shape.passes);
  // The first block is followed by a look two steps later at the earliest, and the space must hold k + 1 vectors.
  return std::clamp(steps, (k + b) / b + 2, std::max((k + b) / b + 2, n / b));
}

double lapack_seconds(const SvdShape& shape, const SvdCosts& costs) {
  const auto& rates = rates_of(shape, costs);
  const double m = static_cast<double>(std::max(shape.m, shape.n));
  const double n = static_cast<double>(std::min(shape.m, shape.n));
  return power_law(kRateSizes, rates.svd, n) + 13 * (m - n) * n * n * rates.gemm;
}

double gram_seconds(const SvdShape& shape, const SvdCosts& costs) {
  const double m = static_cast<double>(std::max(shape.m, shape.n));
  const double n = static_cast<double>(std::min(shape.m, shape.n)), k = static_cast<double>(shape.k);
  return 2 * m * n * n * costs.float64.gemm + power_law(kRateSizes, costs.eigh, n) +
         (2 * m * n * k + 8 * kQrFactor * m * k * k) * costs.float32.gemm;
}

double dense_seconds(const SvdShape& shape, const SvdCosts& costs) {
  const double lapack = lapack_seconds(shape, costs);
  return shape.in_double ? lapack : std::min(lapack, gram_seconds(shape, costs));
}

double block_krylov_seconds(const SvdShape& shape, const SvdCosts& costs) {
  const auto& rates = rates_of(shape, costs);
  const double m = static_cast<double>(std::max(shape.m, shape.n));
  const double n = static_cast<double>(std::min(shape.m, shape.n)), k = static_cast<double>(shape.k);
  const int64_t block = shape.block > 0 ? shape.block : krylov_block(shape.k);
  const double steps = krylov_steps(shape);
  const double p = std::min(steps * static_cast<double>(block), n);
  return steps * (product_seconds(rates, m * n, block) + costs.step) + rates.basis * n * p * p / 2 +
         2 * power_law(kRateSizes, costs.eigh, p) + 2 * (m + n) * p * k * rates.gemm;
}

double subspace_seconds(const SvdShape& shape, const SvdCosts& costs) {
  TORCH_CHECK_VALUE(shape.criterion == SvdCriterion::passes, "subspace has a cost model for passes alone");
  const auto& rates = rates_of(shape, costs);
  const double m = static_cast<double>(std::max(shape.m, shape.n));
  const double n = static_cast<double>(std::min(shape.m, shape.n));
  const int64_t columns = std::min<int64_t>(shape.k + shape.oversample, std::min(shape.m, shape.n));
  const double b = static_cast<double>(columns);
  return static_cast<double>(shape.passes) *
         (product_seconds(rates, m * n, columns) + 4 * (m + n) * b * b * kQrFactor * rates.gemm + costs.step);
}

double predicted_seconds(SvdMethod method, const SvdShape& shape, const SvdCosts& costs) {
  if (const auto seconds = traits_of(method).seconds; seconds != nullptr) return seconds(shape, costs);
  std::string modelled;
  for (const auto& each : svd_methods())
    if (each.seconds != nullptr) modelled.append(modelled.empty() ? "" : ", ").append(each.name);
  TORCH_CHECK_VALUE(false, "method '", name_of(method), "' has no cost model; these have: ", modelled);
}

}  // namespace fanion::linalg
