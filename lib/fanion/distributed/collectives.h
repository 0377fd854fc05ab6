#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

/// Collectives of torch.distributed, by its functional ops: a process group is known by its name, and any backend does
/// (Gloo, NCCL, …). Every process of a group has to make the same calls in the same order; what fails there (a process
/// that is gone, a time limit) throws here. Each returns when the result may be used.
namespace fanion::distributed {

/// x ← the sum, or the entrywise largest ("sum", "max"), of x over the processes of `group`, in place. x: contiguous,
/// of one shape and dtype everywhere.
void all_reduce_(const at::Tensor& x, std::string_view operation, const std::string& group);

/// Each tensor ← its sum over the processes of `group`: one collective for all of a dtype, whatever their number.
void sum_over(std::vector<at::Tensor>& tensors, const std::string& group);

/// Each tensor ← its mean over the `size` processes of `group`, likewise.
void mean_over(std::vector<at::Tensor>& tensors, int64_t size, const std::string& group);

/// The x of each of the group's `size` processes, in their order: (size, …). x: of one shape and dtype everywhere.
at::Tensor all_gather(const at::Tensor& x, int64_t size, const std::string& group);

/// What the processes of `group` have for this one, one after the other: of x (1-D) the first `sent[0]` entries go to
/// process 0, and so on; `received[0]` come from it.
at::Tensor all_to_all(const at::Tensor& x, at::IntArrayRef sent, at::IntArrayRef received, const std::string& group);

}  // namespace fanion::distributed
