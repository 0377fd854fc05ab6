#pragma once

#include <array>

#include "fanion/names.h"
#include "fanion/norms/direction.h"
#include "fanion/norms/matrix_layout.h"

namespace fanion::optim {

/// What happens to a direction by a running mean of its squares: nothing; rows, one a neuron, get like sizes (NorMuon,
/// Li et al. 2025), or entries do (AdaMuon, Si et al. 2025).
enum class Adapt { none, neuron, element };

inline constexpr std::array<Named<Adapt>, 3> kAdapts{
    {{Adapt::none, "none"}, {Adapt::neuron, "neuron"}, {Adapt::element, "element"}}};
constexpr const auto& names_of(Adapt) { return kAdapts; }

/// D ← c·D/(√v + 1e-8), with c so that ‖D‖_F stays; v ← βv + (1−β)·(D_ij², of `neuron` its mean over j) before.
///
/// D: (m, n), or a batch with b in front of all its tensors; `like`: a tensor of its shape, dtype and device. v: (m, 1)
/// for `neuron`, (m, n) for `element`, changed in place; β: 0-dimensional, or (b, 1, 1). Of a zero D nothing but v
/// changes. With `neuron` a direction that is one low-rank term stays one, at the cost of mk² flops; others are formed.
/// `layout`: where these are blocks of matrices spread over processes; `like` and v are blocks, too. Cost: an
/// all-reduce of the rows' norms where columns are split, and two of a number a matrix. Source: NorMuon as
/// microsoft/dion has it; AdaMuon's second moment, with NorMuon's scale.
norms::Direction adapted(const norms::Direction& D, Adapt adapt, at::Tensor& v, const at::Tensor& beta,
                         const at::Tensor& like, const norms::MatrixLayout* layout = nullptr);

}  // namespace fanion::optim
