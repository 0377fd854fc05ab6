#include "fanion/distributed/collectives.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/cat.h>

#include <map>

#include "fanion/distributed/sums/shared_sums.h"

namespace fanion::distributed {
namespace {

/// A functional collective by its name, waited for. Not by c10d's headers: those of a backend are not all installed.
at::Tensor collective(const char* name, torch::jit::Stack arguments) {
  auto& dispatcher = c10::Dispatcher::singleton();
  const auto op = dispatcher.findSchema({name, ""}),
             wait = dispatcher.findSchema({"_c10d_functional::wait_tensor", ""});
  TORCH_CHECK(op && wait, "this torch has no ", name, "; it was built without torch.distributed");
  const auto meaning = [&] { return c10::str(name, ": another process has ended, hangs, or makes other calls"); };
  try {
    op->callBoxed(arguments);
    wait->callBoxed(arguments);
  } catch (c10::Error& error) {
    error.add_context(meaning());
    throw;
  } catch (const std::exception& error) {  // Gloo's own
    TORCH_CHECK(false, meaning(), ": ", error.what());
  }
  return arguments.at(0).toTensor();
}

}  // namespace

void all_reduce_(const at::Tensor& x, std::string_view operation, const std::string& group) {
  TORCH_INTERNAL_ASSERT(x.is_contiguous());
  collective("_c10d_functional::all_reduce_", {x, std::string(operation), group});
}

void sum_over(std::vector<at::Tensor>& tensors, const std::string& group) {
  if (summed_with_others(tensors, group)) return;
  std::map<at::ScalarType, std::vector<std::size_t>> of_dtype;
  for (std::size_t i = 0; i < tensors.size(); ++i) of_dtype[tensors[i].scalar_type()].push_back(i);
  for (const auto& [dtype, places] : of_dtype) {
    std::vector<at::Tensor> flat;
    for (const auto i : places) flat.push_back(tensors[i].reshape({-1}));
    const auto bucket = at::cat(flat);
    all_reduce_(bucket, "sum", group);
    int64_t next = 0;
    for (const auto i : places) {
      const auto count = tensors[i].numel();
      tensors[i] = bucket.narrow(0, next, count).view(tensors[i].sizes());
      next += count;
    }
  }
}

void mean_over(std::vector<at::Tensor>& tensors, int64_t size, const std::string& group) {
  sum_over(tensors, group);
  for (const auto& x : tensors) x.div_(size);
}

at::Tensor all_gather(const at::Tensor& x, int64_t size, const std::string& group) {
  auto sizes = x.sizes().vec();
  sizes.insert(sizes.begin(), size);
  const auto flat = x.reshape({-1}).contiguous();
  return collective("_c10d_functional::all_gather_into_tensor", {flat, size, group}).view(sizes);
}

at::Tensor all_to_all(const at::Tensor& x, at::IntArrayRef sent, at::IntArrayRef received, const std::string& group) {
  return collective("_c10d_functional::all_to_all_single", {x.contiguous(), received.vec(), sent.vec(), group});
}

}  // namespace fanion::distributed
