#include "fanion/distributed/spread.h"

#include <c10/util/Exception.h>
#include <c10/util/accumulate.h>

#include <numeric>

#include "fanion/distributed/collectives.h"
#include "fanion/number_text.h"

namespace fanion::distributed {
namespace {

/// The parts of `text` between separators, `most` of them at most.
std::vector<std::string_view> split_at(std::string_view text, char separator, std::size_t most = -1) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < most && text.find(separator) != std::string_view::npos) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

int64_t whole_number(std::string_view text) {
  const auto value = number_from_text<int64_t>(text);
  TORCH_CHECK_VALUE(value, "'", text, "' is no whole number; a spread reads sizes;dimension:rank:shares:group;…");
  return *value;
}

std::vector<int64_t> whole_numbers(std::string_view text) {
  std::vector<int64_t> values;
  if (!text.empty())
    for (const auto part : split_at(text, ',')) values.push_back(whole_number(part));
  return values;
}

}  // namespace

bool Spread::is_part() const {
  return std::ranges::any_of(axes, [](const MeshAxis& axis) { return axis.splits() || axis.averages(); });
}

std::vector<int64_t> Spread::block() const {
  auto of_this = sizes;
  for (const auto& axis : axes)
    if (axis.splits()) of_this[axis.dimension] = axis.sizes[axis.rank];
  return of_this;
}

Spread spread_from_text(std::string_view text) {
  const auto parts = split_at(text, ';');
  Spread spread{whole_numbers(parts[0]), {}};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto fields = split_at(parts[i], ':', 4);
    TORCH_CHECK_VALUE(fields.size() == 4, "'", parts[i],
                      "' is no axis; a spread reads sizes;dimension:rank:shares:group;…");
    MeshAxis axis{whole_number(fields[0]), whole_number(fields[1]), whole_numbers(fields[2]), std::string(fields[3])};
    TORCH_CHECK_VALUE(axis.dimension >= MeshAxis::kAveraged && axis.dimension < std::ssize(spread.sizes) &&
                          axis.rank >= 0 && axis.rank < std::ssize(axis.sizes),
                      "'", parts[i], "' is no axis of a parameter of ", spread.sizes.size(), " dimensions");
    spread.axes.push_back(std::move(axis));
  }
  return spread;
}

Spread as_matrix(const Spread& spread, bool transposed) {
  const auto columns = c10::multiply_integers(at::IntArrayRef(spread.sizes).slice(1));
  Spread matrix{{spread.sizes[0], columns}, spread.axes};
  int64_t split = 0;
  for (auto& axis : matrix.axes) {
    if (axis.dimension < 1) continue;
    TORCH_CHECK_VALUE(split == 0 || split == axis.dimension, "a parameter of sizes ", at::IntArrayRef(spread.sizes),
                      " is split along its dimensions ", split, " and ", axis.dimension,
                      "; matrix rules take one of those that make the columns");
    split = axis.dimension;
    for (auto& share : axis.sizes) share *= columns / spread.sizes[split];
    axis.dimension = 1;
  }
  if (!transposed) return matrix;
  std::swap(matrix.sizes[0], matrix.sizes[1]);
  for (auto& axis : matrix.axes)
    if (axis.splits()) axis.dimension = 1 - axis.dimension;
  return matrix;
}

norms::MatrixLayout layout_of(const Spread& matrix) {
  const auto sum_along = [&](int64_t dimension) -> norms::MatrixLayout::Sum {
    std::vector<std::string> groups;
    for (const auto& axis : matrix.axes)
      if (axis.dimension == dimension) groups.push_back(axis.group);
    if (groups.empty()) return {};
    return [groups](std::vector<at::Tensor>& tensors) {
      for (const auto& group : groups) sum_over(tensors, group);
    };
  };
  const auto mean_of_replicas = [&]() -> norms::MatrixLayout::Sum {
    std::vector<std::pair<std::string, int64_t>> groups;
    for (const auto& axis : matrix.axes)
      if (axis.averages()) groups.emplace_back(axis.group, std::ssize(axis.sizes));
    if (groups.empty()) return {};
    return [groups](std::vector<at::Tensor>& tensors) {
      for (const auto& [group, processes] : groups) mean_over(tensors, processes, group);
    };
  };
  const auto share_along = [&](int64_t dimension) {
    norms::MatrixLayout::Share share{0, matrix.sizes[dimension]};
    for (const auto& axis : matrix.axes) {
      if (axis.dimension != dimension) continue;
      share.first += std::accumulate(axis.sizes.begin(), axis.sizes.begin() + axis.rank, int64_t{0});
      share.count = axis.sizes[axis.rank];
      share.blocks *= std::ssize(axis.sizes);
    }
    return share;
  };
  return {matrix.sizes[0], matrix.sizes[1], sum_along(0),      sum_along(1),
          share_along(0),  share_along(1),  mean_of_replicas()};
}

}  // namespace fanion::distributed
