#include "fanion/linalg/svd_method_traits.h"

#include <algorithm>
#include <array>

#include "fanion/linalg/svd/svd_methods.h"
#include "fanion/names.h"

namespace fanion::linalg {
namespace {

// The order is that of messages, help, tables and the colours of pictures.
constexpr std::array kMethodTable{
    SvdMethodTraits{.method = SvdMethod::automatic, .name = "auto", .krylov = true},  // it takes what they take
    SvdMethodTraits{.method = SvdMethod::block_krylov,
                    .name = "block_krylov",
                    .krylov = true,
                    .run = block_krylov_svd,
                    .seconds = block_krylov_seconds},
    SvdMethodTraits{.method = SvdMethod::lanczos, .name = "lanczos", .krylov = true, .run = lanczos_svd},
    SvdMethodTraits{.method = SvdMethod::subspace,
                    .name = "subspace",
                    .warm_start = true,
                    .run = subspace_svd,
                    .seconds = subspace_seconds},
    SvdMethodTraits{.method = SvdMethod::randomized, .name = "randomized", .run = randomized_svd},
    SvdMethodTraits{.method = SvdMethod::power,
                    .name = "power",
                    .products = SvdProducts::vectors,
                    .narrow = false,  // it is the baseline
                    .run = power_svd},
    SvdMethodTraits{.method = SvdMethod::dense,
                    .name = "dense",
                    .products = SvdProducts::none,
                    .run = dense_svd,
                    .batch = dense_batch,
                    .seconds = dense_seconds},
};

constexpr auto kMethodNames = [] {
  std::array<Named<SvdMethod>, kMethodTable.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = {kMethodTable[i].method, kMethodTable[i].name};
  return names;
}();

}  // namespace

std::span<const SvdMethodTraits> svd_methods() { return kMethodTable; }

const SvdMethodTraits& traits_of(SvdMethod method) {
  const auto* found = std::ranges::find(kMethodTable, method, &SvdMethodTraits::method);
  TORCH_INTERNAL_ASSERT(found != kMethodTable.end(), "a method without a row in the table of methods");
  return *found;
}

std::string svd_method_names(std::string_view separator) {
  std::string names;
  for (const auto& each : kMethodTable) names.append(names.empty() ? "" : separator).append(each.name);
  return names;
}

SvdMethod svd_method_from_name(std::string_view name) { return parse_name(kMethodNames, name, "SVD method"); }
std::string_view name_of(SvdMethod method) { return traits_of(method).name; }

}  // namespace fanion::linalg
