#pragma once

#include <gtest/gtest.h>

#include <c10/util/Exception.h>

#include <functional>
#include <string>

#include "oracle.h"

/// Assertions on what a result must satisfy, whatever the signs and clusters of its vectors.
namespace fanion::testing {

/// max |QᵀQ − I|.
double orthonormality_error(const at::Tensor& Q);

/// The larger of max_i ‖A v_i − σ_i u_i‖ and max_i ‖Aᵀu_i − σ_i v_i‖, relative to σ₁ (absolute if σ₁ = 0).
double two_sided_residual(const at::Tensor& A, const at::Tensor& U, const at::Tensor& S, const at::Tensor& V);
/// The same per triplet, not relative.
std::vector<double> triplet_residual_norms(const at::Tensor& A, const at::Tensor& U, const at::Tensor& S,
                                           const at::Tensor& V);

/// Same dtype, shape and bits.
bool same_bits(const at::Tensor& A, const at::Tensor& B);

/// ‖A − B‖_F / ‖B‖_F, or ‖A − B‖_F where B = 0.
double relative_error(const at::Tensor& A, const at::Tensor& B);

/// The message of the c10::ValueError that `run` must throw; fails the test if it does not.
std::string message_of_value_error(const std::function<void()>& run);

}  // namespace fanion::testing

/// `run` throws a ValueError whose message contains `text`.
#define EXPECT_VALUE_ERROR(run, text)                                                  \
  do {                                                                                 \
    const auto message = ::fanion::testing::message_of_value_error([&] { run; });      \
    EXPECT_NE(message.find(text), std::string::npos) << "the message is: " << message; \
  } while (false)
