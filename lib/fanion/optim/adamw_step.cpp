#include "fanion/optim/adamw_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_adamw.h>

#include <map>
#include <utility>

namespace fanion::optim {
namespace {

/// The fused kernel's lists, for parameters of one device and dtype.
struct Lists {
  std::vector<at::Tensor> W, grad, exp_avg, exp_avg_sq, step;
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
  std::map<std::pair<std::string, at::ScalarType>, Lists> lists;
  Copies copies;
  for (const auto& p : parameters) {
    auto& to = lists[{p.W.device().str(), p.W.scalar_type()}];
    const auto grad = p.grad.to(p.W.scalar_type());
    const bool paired = paired_in_memory({p.W, grad, p.exp_avg, p.exp_avg_sq, p.step});
    to.W.push_back(paired ? p.W : stand_in(p.W, copies));
    to.grad.push_back(paired ? grad : grad.contiguous());
    to.exp_avg.push_back(paired ? p.exp_avg : stand_in(p.exp_avg, copies));
    to.exp_avg_sq.push_back(paired ? p.exp_avg_sq : stand_in(p.exp_avg_sq, copies));
    to.step.push_back(p.step);
  }
  for (auto& [key, l] : lists) {
    for (auto& step : l.step) step.add_(1);
    at::_fused_adamw_(l.W, l.grad, l.exp_avg, l.exp_avg_sq, {}, l.step, o.lr, o.beta1, o.beta2, o.weight_decay, o.eps,
                      /*amsgrad=*/false, /*maximize=*/false);
  }
  for (const auto& [copy, original] : copies) original.copy_(copy);
}

}  // namespace fanion::optim
