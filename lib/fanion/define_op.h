#pragma once

#include <torch/library.h>

#include <string>

#include "fanion/no_autocast.h"

namespace fanion {

/// `f` as the kernel of an op.
template <auto f>
struct OpKernel;
template <class Result, class... Arguments, Result (*f)(Arguments...)>
struct OpKernel<f> {
  static Result call(Arguments... arguments) {
    const NoAutocast whole;
    return f(std::forward<Arguments>(arguments)...);
  }
};

/// Whether an op may be part of a graph of torch.compile: one that gives tensors alone, whose shapes `_fake_ops.py`
/// says. Elsewhere, as for ops that give text, numbers or objects, a graph breaks, and they run as they do without.
enum class InGraphs { where_it_gives_tensors_alone, never };

/// What torch must know of an op before it runs it.
std::vector<at::Tag> tags_of(const std::string& schema, InGraphs in_graphs);

/// Defines `schema` in `m` as `f`: one kernel for every device, for the library is written in ATen calls. The only way
/// in which ops are defined.
template <auto f>
void define_op(torch::Library& m, const std::string& schema,
               InGraphs in_graphs = InGraphs::where_it_gives_tensors_alone) {
  m.def(schema.c_str(), torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd, TORCH_FN(OpKernel<f>::call)),
        tags_of(schema, in_graphs));
}

}  // namespace fanion
