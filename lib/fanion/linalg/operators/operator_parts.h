#pragma once

#include <string>
#include <vector>

#include "fanion/linalg/composed_operators.h"

/// What composed operators ask of their parts.
namespace fanion::linalg {

/// "4 x 3 float on cpu".
std::string described(const LinearOperator& A);
/// Whether both have one dtype and device.
bool same_kind(const LinearOperator& A, const LinearOperator& B);
/// The operator; throws where there is none, naming what it is a part of.
const LinearOperator& checked(const OperatorPtr& A, const char* what);
/// The first part, from which the composite takes what all have in common; throws where there is none, or a null one.
const LinearOperator& first_of(const std::vector<OperatorPtr>& parts, const char* what);
/// ‖x_j‖ in float64, of any scale.
at::Tensor column_norms(const at::Tensor& X);

}  // namespace fanion::linalg
