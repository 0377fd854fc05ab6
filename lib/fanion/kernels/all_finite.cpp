#include "fanion/kernels/all_finite.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

#include "fanion/kernels/instruction_set.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kPiece = 65536;  // elements handed to a thread at a time

struct Piece {
  const float* data;
  int64_t count;
  std::size_t of;
};

}  // namespace

bool takes_all_finite(const at::Tensor& X) {
  return X.scalar_type() == at::kFloat && X.device().is_cpu() && X.is_non_overlapping_and_dense();
}

std::vector<bool> all_finite(const std::vector<at::Tensor>& list) {
  std::vector<Piece> pieces;
  int64_t elements = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    TORCH_INTERNAL_ASSERT(takes_all_finite(list[i]));
    elements += list[i].numel();
    const auto* data = list[i].const_data_ptr<float>();
    for (int64_t first = 0; first < list[i].numel(); first += kPiece)
      pieces.push_back({data + first, std::min(kPiece, list[i].numel() - first), i});
  }
  std::vector<std::atomic<bool>> bad(list.size());
  at::parallel_for(0, std::ssize(pieces), elements > kPiece ? 1 : std::ssize(pieces), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (!loops_in_use().all_finite(pieces[i].data, pieces[i].count)) bad[pieces[i].of] = true;
  });
  std::vector<bool> finite;
  for (const auto& each : bad) finite.push_back(!each);
  return finite;
}

}  // namespace fanion::kernels
