#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanion/linalg/svd_options.h"

namespace fanion::linalg {

struct InnerOptions;
struct SvdCosts;
struct SvdResult;
struct SvdShape;
class LinearOperator;

/// How a method multiplies by A. `none`: it forms A, cannot be stopped on the way, and a number of passes means nothing
/// to it; `vectors`: for one triplet after the other, each of which needs a pass; `blocks`: for all of them together.
enum class SvdProducts { none, vectors, blocks };

/// What is known of a method of the top-k SVD. The rows of the table are all methods that there are: whoever lists,
/// names, runs or chooses methods asks it.
struct SvdMethodTraits {
  SvdMethod method;
  std::string_view name;
  SvdProducts products = SvdProducts::blocks;
  bool krylov = false;      ///< takes `block`, `basis` and `start`, and is refined in mixed precision
  bool warm_start = false;  ///< made to begin at the last call's V: few `passes` from it, `oversample` columns more
  bool narrow = true;       ///< may run on a copy of A in fewer bits (SvdPrecision)

  using Run = SvdResult (*)(const LinearOperator& A, int64_t k, const InnerOptions& options);
  using Batch = std::vector<SvdResult> (*)(const at::Tensor& A, int64_t k, const SvdOptions& options);
  using Seconds = double (*)(const SvdShape& shape, const SvdCosts& costs);
  Run run = nullptr;          ///< nothing for `automatic`, which another method stands in for
  Batch batch = nullptr;      ///< all matrices (b, m, n) at once; nothing where each goes by itself
  Seconds seconds = nullptr;  ///< what it costs (cost_model.h); nothing where there is no model

  bool takes_passes() const { return products != SvdProducts::none; }
};

/// Every method once, `automatic` first.
std::span<const SvdMethodTraits> svd_methods();
const SvdMethodTraits& traits_of(SvdMethod method);
/// "auto, block_krylov, …".
std::string svd_method_names(std::string_view separator = ", ");

}  // namespace fanion::linalg
