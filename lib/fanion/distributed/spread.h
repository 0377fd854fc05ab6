#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "fanion/norms/matrix_layout.h"

namespace fanion::distributed {

/// One axis of the mesh of processes that a parameter lies on.
struct MeshAxis {
  int64_t dimension;           ///< of the parameter, split among the processes along this axis; or one of those below
  int64_t rank;                ///< this process's place among them
  std::vector<int64_t> sizes;  ///< how much of that dimension each has; of the others as many numbers, of no use
  std::string group;           ///< the name of their process group

  static constexpr int64_t kReplicated = -1;  ///< each process has all of the parameter and of its gradient
  static constexpr int64_t kAveraged = -2;    ///< likewise, but gradients are each process's own; their mean counts

  bool splits() const { return dimension >= 0; }
  bool averages() const { return dimension == kAveraged; }
};

/// How a parameter is spread over a mesh of processes, as a DTensor is: what an optimizer holds is this process's
/// block. Axes stand in the order of the mesh; of two that split one dimension the later one splits the share of the
/// earlier.
struct Spread {
  std::vector<int64_t> sizes;  ///< of the whole parameter
  std::vector<MeshAxis> axes;

  /// Whether this process has less than the whole: a block, or a gradient that is not the mean.
  bool is_part() const;
  /// The block's sizes.
  std::vector<int64_t> block() const;
};

/// From "rows,columns,…;dimension:rank:share,share,…:group;…", one entry for each axis of the mesh. ValueError where
/// the text is none.
Spread spread_from_text(std::string_view text);

/// The same of the matrix that a rule works on (matrix_view.h): sizes are {m, n}, dimension 0 counts rows, 1 columns.
/// The columns of a convolution split along one dimension are taken in another order than the whole one's, which turns
/// a direction into the same one in that order. ValueError where a convolution is split along two of them.
Spread as_matrix(const Spread& spread, bool transposed);

/// How contractions of a block of that matrix are summed.
norms::MatrixLayout layout_of(const Spread& matrix);

}  // namespace fanion::distributed
