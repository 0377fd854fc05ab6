#include "reproduce/norm_ratios.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <numbers>

#include "reproduce/figure.h"
#include "reproduce/record.h"
#include "terminal/table.h"

namespace fanion::reproduce {

void norm_ratios(const Request& request) {
  const std::vector<int64_t> sizes =
      request.quick ? std::vector<int64_t>{32, 64, 128, 256} : std::vector<int64_t>{32, 64, 128, 256, 512, 1024, 2048};
  constexpr int64_t kMatrices = 5;
  const auto generator = at::detail::createCPUGenerator(0);
  std::vector<Curve> curves;
  for (const auto* label : {"Frobenius", "spectral", "Ky Fan 2", "Ky Fan 10", "nuclear"})
    curves.push_back({label, {}, {}});
  std::vector<Curve> ratios;
  for (const auto* label : {"nuclear / Frobenius", "Frobenius / spectral", "nuclear / spectral"})
    ratios.push_back({label, {}, {}});
  Record record{"norm-ratios", "Gaussian matrices of n × n.", "mean over 5 matrices of each size, seed 0", {}, {}, {}};
  record.table = {{"n", "|.|_F", "|.|_op", "KF-2", "KF-10", "|.|_nuc", "nuc/F", "F/op", "nuc/(F sqrt n)"}};
  for (const auto n : sizes) {
    std::array<double, 5> mean{};
    for (int64_t i = 0; i < kMatrices; ++i) {
      const auto S = at::linalg_svdvals(at::randn({n, n}, generator, at::kDouble));
      const std::array<double, 5> values = {S.norm().item<double>(), S.max().item<double>(),
                                            S.narrow(0, 0, 2).sum().item<double>(),
                                            S.narrow(0, 0, 10).sum().item<double>(), S.sum().item<double>()};
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += values[k] / kMatrices;
    }
    const auto size = static_cast<double>(n);
    for (std::size_t k = 0; k < mean.size(); ++k) {
      curves[k].x.push_back(size);
      curves[k].y.push_back(mean[k]);
    }
    const std::array<double, 3> shown = {mean[4] / mean[0], mean[0] / mean[1], mean[4] / mean[1]};
    for (std::size_t k = 0; k < shown.size(); ++k) {
      ratios[k].x.push_back(size);
      ratios[k].y.push_back(shown[k]);
    }
    std::vector<std::string> row = {std::to_string(n)};
    for (const double value : mean) row.push_back(terminal::significant(value, 4));
    row.push_back(terminal::significant(shown[0], 3));
    row.push_back(terminal::significant(shown[1], 3));
    row.push_back(terminal::significant(shown[0] / std::sqrt(size), 4));
    record.table.push_back(std::move(row));
  }
  // The singular values of a Gaussian matrix over √n follow the quarter circle law: mean 8/(3π), largest 2, mean
  // square 1.
  const double nuclear = curves[4].y.back() / curves[0].y.back() / std::sqrt(static_cast<double>(sizes.back()));
  const double spectral = 2 * curves[0].y.back() / curves[1].y.back() / std::sqrt(static_cast<double>(sizes.back()));
  const double law = 8 / (3 * std::numbers::pi);
  record.findings = {
      {"|.|_nuc is sqrt(n) |.|_F up to the constant 8/(3 pi): far from rank 1", std::abs(nuclear / law - 1) < 0.02,
       terminal::significant(nuclear, 4) + " beside " + terminal::significant(law, 4)},
      {"|.|_op is 2 |.|_F / sqrt(n): so rho of the bounds costs sqrt(n)/2", std::abs(spectral - 1) < 0.05,
       terminal::significant(1 / spectral, 4) + " times that"}};
  draw({"Norms of Gaussian n × n matrices",
        {{"n", "norm", true, true, curves}, {"n", "ratio of norms", true, true, ratios}}},
       request.out / "norm-ratios.png");
  record.pictures = {"norm-ratios.png"};
  write_record(request, record);
}

}  // namespace fanion::reproduce
