#include "tasks/svd_problem.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>

#include <nlohmann/json.hpp>
#include <set>

#include "data/npy.h"
#include "fanion/dtype_names.h"
#include "fanion/linalg/svd_method_traits.h"

namespace fanion::tasks {
namespace {

using linalg::SvdCriterion;
using linalg::SvdMethod;

constexpr int64_t kDenseReference = 1000;  // columns up to which LAPACK takes seconds
constexpr double kReferenceTol = 1e-6;     // rank_k error of a reference, or a thousandth of the study's tol

void check_options(const SvdStudyOptions& o) {
  TORCH_CHECK_VALUE(o.tol > 0 && o.tol < 1, "--tol ", o.tol, " must lie in (0, 1)");
  TORCH_CHECK_VALUE(o.repeat >= 1 && o.repeat <= 1000, "--repeat ", o.repeat, " must lie in 1 to 1000");
  TORCH_CHECK_VALUE(o.limit > 0 && o.limit <= 1e6, "--limit ", o.limit, " must lie in (0, 1e6]: seconds");
  TORCH_CHECK_VALUE(o.criterion == "rank_k" || o.criterion == "lmo_gap" || o.criterion == "residual",
                    "unknown --criterion '", o.criterion, "'; choose one of: rank_k, lmo_gap, residual");
  TORCH_CHECK_VALUE(o.dtype.empty() || o.dtype == "float32" || o.dtype == "float64" || o.dtype == "bfloat16",
                    "unknown --dtype '", o.dtype, "'; choose one of: float32, float64, bfloat16");
  std::set<std::string> seen;
  for (const auto& name : o.method) {
    linalg::svd_method_from_name(name);
    TORCH_CHECK_VALUE(seen.insert(name).second, "--method lists ", name, " twice");
  }
  parse_spectrum(o.spectrum);
  parse_size(o.size);
}

void check_k(std::vector<int64_t>& ks, int64_t m, int64_t n) {
  const int64_t limit = std::min(m, n);
  if (ks.empty())
    for (const int64_t k : {1, 10, 100})
      if (k <= limit) ks.push_back(k);
  for (const auto k : ks)
    TORCH_CHECK_VALUE(k >= 1 && k <= limit, "--k ", k, " is out of range: a ", m, " x ", n, " matrix has 1 to ", limit,
                      " singular triplets");
  std::sort(ks.begin(), ks.end());
  const auto twice = std::adjacent_find(ks.begin(), ks.end());
  TORCH_CHECK_VALUE(twice == ks.end(), "--k lists ", *twice, " twice");
}

at::Tensor read_matrix(const std::string& file) {
  auto A = data::read_npy(file);
  TORCH_CHECK_VALUE(A.dim() == 2, file, ": an array of shape ", A.sizes(), "; a matrix has 2 dimensions");
  TORCH_CHECK_VALUE(A.numel() > 0, file, ": a matrix of shape ", A.sizes(), " is empty");
  const auto bad = at::isfinite(A).logical_not().sum().item<int64_t>();
  TORCH_CHECK_VALUE(bad == 0, file, ": ", bad, " NaN or infinite entries out of ", A.numel());
  return A;
}

}  // namespace

nlohmann::json to_json(const SvdStudyOptions& o) {
  return {{"matrix", o.matrix},       {"spectrum", o.spectrum}, {"size", o.size},     {"k", o.k},
          {"criterion", o.criterion}, {"tol", o.tol},           {"method", o.method}, {"dtype", o.dtype},
          {"seed", o.seed},           {"repeat", o.repeat},     {"limit", o.limit},   {"curves", o.curves}};
}

SvdProblem make_problem(const SvdStudyOptions& options) {
  check_options(options);
  SvdProblem problem{.options = options, .criterion = linalg::svd_criterion_from_name(options.criterion)};
  auto& o = problem.options;
  if (o.method.empty())
    for (const auto& each : linalg::svd_methods())  // `automatic` stands for block_krylov where that is the choice
      if (each.method != SvdMethod::block_krylov) o.method.emplace_back(each.name);
  for (const auto& name : o.method) problem.methods.push_back(linalg::svd_method_from_name(name));
  at::Tensor made;
  if (!o.matrix.empty()) {
    made = read_matrix(o.matrix);
    if (o.dtype.empty()) o.dtype = made.scalar_type() == at::kDouble ? "float64" : "float32";
    o.spectrum.clear();
    o.size = c10::str(made.size(0), "x", made.size(1));
    check_k(o.k, made.size(0), made.size(1));
  } else {
    const auto [m, n] = parse_size(o.size);
    if (o.spectrum == "normal") o.spectrum = "gaussian";
    if (o.dtype.empty()) o.dtype = "float32";
    check_k(o.k, m, n);
    auto [A, exact] = make_matrix(parse_spectrum(o.spectrum), m, n, o.k.back(), o.seed);
    made = A;
    // bfloat16 moves singular vectors by far more than the errors that are measured; float32 by 1e-7.
    if (o.dtype != "bfloat16") problem.known = exact;
  }
  problem.A = made.to(dtype_from_name(o.dtype));
  TORCH_CHECK_VALUE(at::isfinite(problem.A).all().item<bool>(), "some entries are too large for --dtype ", o.dtype);
  problem.A_double = problem.A.to(at::kDouble);
  return problem;
}

Reference SvdProblem::reference(int64_t k) const {
  if (known) return {{known->U.narrow(1, 0, k), known->S.narrow(0, 0, k), known->V.narrow(1, 0, k)}, "as made", 0};
  const bool small = std::min(A.size(0), A.size(1)) <= kDenseReference;
  const double tol = std::max(1e-12, std::min(kReferenceTol, 1e-3 * options.tol));
  const auto svd = linalg::topk_svd(
      A_double, k,
      {.method = small ? SvdMethod::dense : SvdMethod::block_krylov, .criterion = SvdCriterion::rank_k, .tol = tol});
  const double bound = svd.report.bounds.rank_k;
  return {{svd.U, svd.S, svd.V}, small ? "LAPACK in float64" : c10::str("block_krylov in float64 to ", tol), bound};
}

bool SvdProblem::is_table2() const {
  return options.matrix.empty() && options.spectrum == "gaussian" && A.size(0) == 5000 && A.size(1) == 5000 &&
         criterion == SvdCriterion::rank_k && options.tol == 0.01;
}

}  // namespace fanion::tasks
