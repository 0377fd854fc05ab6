// Compiled once per instruction set: FANION_ISA names the table, FANION_LANES is its vector width in floats.

#include "fanion/kernels/loops/loop_table.h"

#include "fanion/kernels/loops/column_loops.h"
#include "fanion/kernels/loops/gaussian_loops.h"
#include "fanion/kernels/loops/look_ahead_loops.h"
#include "fanion/kernels/loops/loop_elements.h"
#include "fanion/kernels/loops/narrow_loops.h"
#include "fanion/kernels/loops/sparse_loops.h"
#include "fanion/kernels/loops/square_sums.h"
#include "fanion/kernels/loops/step_loops.h"
#include "fanion/kernels/loops/sweep_loops.h"

namespace fanion::kernels {
namespace {

/// Calls `f` with the storage as a type.
template <Storage S>
struct Stored {
  static constexpr Storage value = S;
};
template <class F>
FANION_INLINE void with_storage(Storage storage, F&& f) {
  switch (storage) {
    case Storage::float32: return f(Stored<Storage::float32>{});
    case Storage::bfloat16: return f(Stored<Storage::bfloat16>{});
    case Storage::float16: return f(Stored<Storage::float16>{});
    case Storage::int8: return f(Stored<Storage::int8>{});
  }
}

void forward_any(Rows A, Block V, Block Y, Streams streams, float* scratch) {
  with_storage(A.storage, [&](auto s) { forward<decltype(s)::value>(A, V, Y, streams, scratch); });
}
void adjoint_any(Rows A, Block U, Block Z, Streams streams, float* scratch, double* squares) {
  with_squares(squares, [&](LaneSums* sums) {
    with_storage(A.storage, [&](auto s) { adjoint<decltype(s)::value>(A, U, Z, streams, scratch, sums); });
  });
}
void gram_any(Rows A, Block V, Block Y, Block Z, int block_rows, float* scratch, double* squares) {
  with_squares(squares, [&](LaneSums* sums) {
    with_storage(A.storage, [&](auto s) { gram<decltype(s)::value>(A, V, Y, Z, block_rows, scratch, sums); });
  });
}
void gram_panel_any(Rows A, const float* V, Block Y, float* Z, int block_rows, double* squares) {
  with_squares(squares, [&](LaneSums* sums) {
    with_storage(A.storage, [&](auto s) { gram_panel<decltype(s)::value>(A, V, Y, Z, block_rows, sums); });
  });
}

double squares_any(const void* x, std::int64_t count, Storage storage) {
  double total = 0;
  with_storage(storage, [&](auto s) {
    constexpr auto S = decltype(s)::value;
    total = squares<S>(static_cast<const ElementOf<S>*>(x), count);
  });
  return total;
}

}  // namespace

extern const LoopTable FANION_ISA = {
    FANION_ISA_NAME, forward_any,    adjoint_any, gram_any,        gram_panel_any,     narrow_any,
    squares_any,     largest_square, cross,       solve,           gaussians,          form,
    low_rank_step,   sign_step,      blend,       look_ahead_gram, look_ahead_squares, look_ahead_step,
    all_finite,      sparse_rows};

}  // namespace fanion::kernels
