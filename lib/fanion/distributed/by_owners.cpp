#include "fanion/distributed/by_owners.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "fanion/distributed/collectives.h"
#include "fanion/distributed/owners/parcel.h"

namespace fanion::distributed {
namespace {

/// Blocks of all processes of an axis, side by side along `dimension`.
at::Tensor gathered_blocks(const at::Tensor& block, int64_t dimension, const MeshAxis& axis) {
  const auto parts = std::ssize(axis.sizes), largest = *std::ranges::max_element(axis.sizes);
  auto sizes = block.sizes().vec();
  sizes[dimension] = largest;
  auto padded = at::zeros(sizes, block.options());
  padded.narrow(dimension, 0, block.size(dimension)).copy_(block);
  const auto all = all_gather(padded, parts, axis.group);
  std::vector<at::Tensor> blocks;
  for (int64_t r = 0; r < parts; ++r) blocks.push_back(all[r].narrow(dimension, 0, axis.sizes[r]));
  return at::cat(blocks, dimension);
}

/// This process's share of a tensor along an axis.
at::Tensor own_share(const at::Tensor& whole, int64_t dimension, const MeshAxis& axis) {
  const auto start = std::accumulate(axis.sizes.begin(), axis.sizes.begin() + axis.rank, int64_t{0});
  return whole.narrow(dimension, start, axis.sizes[axis.rank]);
}

/// Sizes of a block that has `share` entries along `dimension`; those of the block where it is not split.
std::vector<int64_t> with_share(const at::Tensor& block, int64_t dimension, int64_t share) {
  auto sizes = block.sizes().vec();
  if (dimension >= 0) sizes[dimension] = share;
  return sizes;
}

/// A work whose parts are whole but for one axis.
struct Job {
  std::size_t index;
  std::size_t axis;
  std::vector<at::Tensor> blocks;
};

class Exchange {
 public:
  Exchange(const std::vector<OwnedWork>& works, std::vector<Job> jobs) : works_(works), jobs_(std::move(jobs)) {
    const auto& axis = axis_of(jobs_[0]);
    me_ = axis.rank;
    processes_ = axis.sizes.size();
    like_ = jobs_[0].blocks[0].options();
  }

  /// The jobs with the blocks of their results.
  std::vector<Job> run() {
    send_back(results(bring_to_owners()));
    return std::move(jobs_);
  }

 private:
  const MeshAxis& axis_of(const Job& job) const { return works_[job.index].spread->axes[job.axis]; }
  std::size_t owner(std::size_t j) const { return j % processes_; }
  bool is_mine(std::size_t j) const { return static_cast<int64_t>(owner(j)) == me_; }
  int64_t dimension(const Job& job, std::size_t part) const {
    return works_[job.index].parts[part].dimensions[job.axis];
  }

  at::Tensor exchanged(const Parcel& out, const std::vector<int64_t>& counts) const {
    return all_to_all(out.packed(like_), out.counts(), counts, axis_of(jobs_[0]).group);
  }

  /// For each job of this process its parts, whole.
  std::vector<std::vector<at::Tensor>> bring_to_owners() {
    Parcel out(processes_);
    std::vector<int64_t> counts(processes_, 0);
    const auto for_split_parts = [&](auto&& use) {
      for (std::size_t j = 0; j < jobs_.size(); ++j)
        for (std::size_t p = 0; p < jobs_[j].blocks.size(); ++p)
          if (dimension(jobs_[j], p) >= 0) use(j, p);
    };
    for_split_parts([&](std::size_t j, std::size_t p) { out.add(owner(j), jobs_[j].blocks[p]); });
    const auto sizes_from = [&](std::size_t j, std::size_t p, std::size_t r) {
      return with_share(jobs_[j].blocks[p], dimension(jobs_[j], p), axis_of(jobs_[j]).sizes[r]);
    };
    for_split_parts([&](std::size_t j, std::size_t p) {
      for (std::size_t r = 0; is_mine(j) && r < processes_; ++r)
        counts[r] += c10::multiply_integers(sizes_from(j, p, r));
    });
    Unpacking in(exchanged(out, counts));
    std::vector<std::vector<std::vector<at::Tensor>>> blocks(jobs_.size());
    for (std::size_t r = 0; r < processes_; ++r)
      for_split_parts([&](std::size_t j, std::size_t p) {
        if (!is_mine(j)) return;
        blocks[j].resize(jobs_[j].blocks.size());
        blocks[j][p].push_back(in.next(sizes_from(j, p, r)));
      });
    std::vector<std::vector<at::Tensor>> whole;
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      if (!is_mine(j)) continue;
      auto& of_this = whole.emplace_back(jobs_[j].blocks);
      for (std::size_t p = 0; p < of_this.size(); ++p)
        if (dimension(jobs_[j], p) >= 0) of_this[p] = at::cat(blocks[j][p], dimension(jobs_[j], p));
    }
    return whole;
  }

  std::vector<std::vector<at::Tensor>> results(const std::vector<std::vector<at::Tensor>>& whole) const {
    std::vector<std::vector<at::Tensor>> done;
    for (std::size_t j = 0; j < jobs_.size(); ++j)
      if (is_mine(j)) done.push_back(works_[jobs_[j].index].run(whole[done.size()]));
    return done;
  }

  void send_back(const std::vector<std::vector<at::Tensor>>& done) {
    Parcel out(processes_);
    std::vector<int64_t> counts(processes_, 0);
    for (std::size_t j = 0, mine = 0; j < jobs_.size(); ++j) {
      for (const auto& block : jobs_[j].blocks) counts[owner(j)] += block.numel();
      if (!is_mine(j)) continue;
      for (std::size_t p = 0; p < jobs_[j].blocks.size(); ++p) {
        int64_t start = 0;
        for (std::size_t r = 0; r < processes_; ++r) {
          const auto share = axis_of(jobs_[j]).sizes[r], along = dimension(jobs_[j], p);
          out.add(r, along < 0 ? done[mine][p] : done[mine][p].narrow(along, start, share));
          start += share;
        }
      }
      ++mine;
    }
    Unpacking in(exchanged(out, counts));
    for (std::size_t r = 0; r < processes_; ++r)
      for (std::size_t j = r; j < jobs_.size(); j += processes_)
        for (auto& block : jobs_[j].blocks) block = in.next(block.sizes());
  }

  const std::vector<OwnedWork>& works_;
  std::vector<Job> jobs_;
  int64_t me_;
  std::size_t processes_;
  at::TensorOptions like_;
};

/// The work's job along its first axis that splits, with the blocks gathered along the others, from the last on.
Job job_of(const std::vector<OwnedWork>& works, std::size_t index) {
  const auto& work = works[index];
  const auto& axes = work.spread->axes;
  const auto first = std::ranges::find_if(axes, [](const MeshAxis& axis) { return axis.splits(); });
  TORCH_INTERNAL_ASSERT(first != axes.end());
  Job job{index, static_cast<std::size_t>(first - axes.begin()), {}};
  for (const auto& part : work.parts) job.blocks.push_back(part.block);
  for (std::size_t a = axes.size(); a-- > job.axis + 1;)
    for (std::size_t p = 0; p < work.parts.size(); ++p)
      if (const auto along = work.parts[p].dimensions[a]; along >= 0)
        job.blocks[p] = gathered_blocks(job.blocks[p], along, axes[a]);
  return job;
}

}  // namespace

std::vector<std::vector<at::Tensor>> by_owners(const std::vector<OwnedWork>& works) {
  std::vector<std::vector<Job>> exchanges;
  for (std::size_t i = 0; i < works.size(); ++i) {
    auto job = job_of(works, i);
    const auto together = [&](const std::vector<Job>& jobs) {
      const auto &axis = works[i].spread->axes[job.axis], &other = works[jobs[0].index].spread->axes[jobs[0].axis];
      const auto &block = job.blocks[0], &other_block = jobs[0].blocks[0];
      return axis.group == other.group && block.dtype() == other_block.dtype() &&
             block.device() == other_block.device();
    };
    const auto found = std::ranges::find_if(exchanges, together);
    if (found == exchanges.end())
      exchanges.push_back({std::move(job)});
    else
      found->push_back(std::move(job));
  }
  std::vector<std::vector<at::Tensor>> results(works.size());
  for (auto& jobs : exchanges)
    for (auto& job : Exchange(works, std::move(jobs)).run()) {
      const auto& work = works[job.index];
      const auto& axes = work.spread->axes;
      for (std::size_t p = 0; p < job.blocks.size(); ++p) {
        for (std::size_t a = job.axis + 1; a < axes.size(); ++a)
          if (const auto along = work.parts[p].dimensions[a]; along >= 0)
            job.blocks[p] = own_share(job.blocks[p], along, axes[a]);
        results[job.index].push_back(job.blocks[p]);
      }
    }
  return results;
}

}  // namespace fanion::distributed
