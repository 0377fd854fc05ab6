#include "fanion/optim/adamw_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_fused_adamw.h>

#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace fanion::optim {
namespace {

/// The fused kernel's lists, for parameters of one device, dtype and flag.
struct Lists {
  std::vector<at::Tensor> W, grad, exp_avg, exp_avg_sq, step;
  at::Tensor go;
};

/// A contiguous stand-in for a tensor, and the tensor.
using Copies = std::vector<std::pair<at::Tensor, at::Tensor>>;

bool paired_in_memory(const AdamWParameter& p) {
  return p.W.is_non_overlapping_and_dense() && p.grad.strides() == p.W.strides() &&
         p.exp_avg.strides() == p.W.strides() && p.exp_avg_sq.strides() == p.W.strides();
}

at::Tensor stand_in(const at::Tensor& tensor, Copies& copies) {
  copies.emplace_back(tensor.clone(at::MemoryFormat::Contiguous), tensor);
  return copies.back().first;
}

}  // namespace

void check_options(const AdamWOptions& options) { check_ranges(options); }

void adamw_step_(const std::vector<AdamWParameter>& parameters, const AdamWOptions& o) {
  std::map<std::tuple<std::string, at::ScalarType, const void*>, Lists> lists;
  Copies copies;
  for (const auto& p : parameters) {
    auto& to = lists[{p.W.device().str(), p.W.scalar_type(), p.go.unsafeGetTensorImpl()}];
    to.go = p.go;
    const auto grad = p.grad.to(p.W.scalar_type());
    const bool paired = paired_in_memory({p.W, grad, p.exp_avg, p.exp_avg_sq, p.step});
    to.W.push_back(paired ? p.W : stand_in(p.W, copies));
    to.grad.push_back(paired ? grad : grad.contiguous());
    to.exp_avg.push_back(paired ? p.exp_avg : stand_in(p.exp_avg, copies));
    to.exp_avg_sq.push_back(paired ? p.exp_avg_sq : stand_in(p.exp_avg_sq, copies));
    to.step.push_back(p.step);
  }
  for (auto& [key, l] : lists) {
    const auto stop = l.go.defined() ? std::optional(l.go.logical_not().to(at::kFloat)) : std::nullopt;
    if (stop)
      at::_foreach_add_(l.step, l.go.to(l.step[0].device(), at::kFloat));
    else
      at::_foreach_add_(l.step, 1);
    at::_fused_adamw_(l.W, l.grad, l.exp_avg, l.exp_avg_sq, {}, l.step, o.lr, o.beta1, o.beta2, o.weight_decay, o.eps,
                      /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{}, stop);
  }
  for (const auto& [copy, original] : copies) original.copy_(copy);
}

}  // namespace fanion::optim
