#include "certificates.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

namespace fanion::testing {

double orthonormality_error(const at::Tensor& Q) {
  const auto q = Q.to(at::kDouble);
  return (at::matmul(q.t(), q) - at::eye(q.size(1), at::kDouble)).abs().max().item<double>();
}

std::vector<double> triplet_residual_norms(const at::Tensor& A, const at::Tensor& U, const at::Tensor& S,
                                           const at::Tensor& V) {
  const auto a = A.to(at::kDouble), u = U.to(at::kDouble), s = S.to(at::kDouble), v = V.to(at::kDouble);
  const auto right = at::linalg_vector_norm(at::matmul(a, v) - u * s, 2, {{0}});
  const auto left = at::linalg_vector_norm(at::matmul(a.t(), u) - v * s, 2, {{0}});
  std::vector<double> norms;
  for (int64_t i = 0; i < s.numel(); ++i) norms.push_back(std::max(right[i].item<double>(), left[i].item<double>()));
  return norms;
}

double two_sided_residual(const at::Tensor& A, const at::Tensor& U, const at::Tensor& S, const at::Tensor& V) {
  const auto norms = triplet_residual_norms(A, U, S, V);
  const double largest = *std::max_element(norms.begin(), norms.end()), sigma1 = exact_singular_values(A)[0];
  return sigma1 == 0 ? largest : largest / sigma1;
}

bool same_bits(const at::Tensor& A, const at::Tensor& B) {
  return A.scalar_type() == B.scalar_type() && A.sizes() == B.sizes() && at::equal(A, B);
}

double relative_error(const at::Tensor& A, const at::Tensor& B) {
  const double size = frobenius_norm(B), error = frobenius_norm(A.to(at::kDouble) - B.to(at::kDouble));
  return size == 0 ? error : error / size;
}

std::string message_of_value_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const c10::ValueError& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw something else than a ValueError: " << error.what();
    return "";
  }
  ADD_FAILURE() << "threw nothing";
  return "";
}

}  // namespace fanion::testing
