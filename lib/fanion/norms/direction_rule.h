#pragma once

#include <memory>
#include <optional>
#include <string>

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/direction.h"
#include "fanion/norms/matrix_layout.h"

namespace fanion::norms {

struct SweepForm;

/// What an optimizer needs to know of a rule: momentum in, direction out.
///
/// Every norm is a rule (its LMO). Rules that are the LMO of no norm ball, such as deflated Fanions and
/// mixtures with a negative weight, implement this alone. It is the only extension point of the optimizers.
class DirectionRule {
 public:
  virtual ~DirectionRule() = default;

  /// A name that `rule_from_name` turns back into this rule.
  virtual std::string name() const = 0;

  /// The update direction D for momentum M, so that a step is W ← W + lr·D.
  ///
  /// M: (m, n), float32, float64 or a 16-bit type. `warm`: nullptr, or the (n, warm_columns(m, n)) tensor
  /// of the last call, which is overwritten; it saves products and changes no guarantee.
  /// A zero M gives a zero direction. Throws if the rule does not fit m × n. Several threads may call it at once, each
  /// for a parameter of its own.
  virtual Direction direction(const at::Tensor& M, at::Tensor* warm = nullptr) const = 0;

  /// The directions of a batch of matrices: M (b, m, n), `warm` (b, n, warm_columns). Tensors of the terms have the
  /// batch first; scales are (b, 1, 1). Without an override each matrix is taken by itself.
  ///
  /// With a `layout` that is spread (matrix_layout.h) M, `warm` and the terms are this process's blocks of whole
  /// matrices, of which every process that shares them takes the direction; throws where the rule has no such form
  /// (`takes_blocks`).
  virtual Direction batch_direction(const at::Tensor& M, at::Tensor* warm = nullptr,
                                    const MatrixLayout* layout = nullptr) const;

  /// Whether `batch_direction` finds directions from blocks of matrices spread like this, with the warm start that the
  /// rule keeps, and by less traffic than bringing each to one process.
  virtual bool takes_blocks(const MatrixLayout&) const { return false; }

  /// Whether `batch_direction` needs nothing of M but products with few columns, so that it finds the direction of the
  /// mean of replicas (matrix_layout.h) without forming that.
  virtual bool takes_replicas() const { return false; }

  /// Columns of warm-start state that the rule keeps for an m × n matrix; throws if it does not fit it.
  virtual int64_t warm_columns(int64_t, int64_t) const { return 0; }

  /// How many terms of its directions capture a part of M (`LowRankTerm::S`). Error feedback takes rules with one.
  virtual int low_rank_parts() const { return 0; }

  /// ‖D‖_F of an m × n direction, as `AdjustLrFn::match_rms_adamw` counts it: exact where it does not depend on M, else
  /// for singular values that fall linearly to 0, as those of random square matrices nearly do. Positive.
  virtual double nominal_frobenius(int64_t m, int64_t n) const = 0;

  /// How Newton–Schulz runs in a step at a momentum of M's shape, dtype and device, whose entries are not read: dtype
  /// and form as the table of `linalg/polar/newton_schulz_choice.h` fills them in. Nothing for a rule without it.
  virtual std::optional<linalg::NewtonSchulzOptions> newton_schulz_choice(const at::Tensor&) const { return {}; }

  /// The direction as a form that a step can take without forming M (sweep_form.h), if it has one for m × n matrices:
  /// the same up to rounding.
  virtual std::optional<SweepForm> sweep_form(int64_t m, int64_t n) const;
};

using RulePtr = std::shared_ptr<const DirectionRule>;

/// The first warm start for an m × n parameter: (n, warm_columns) standard Gaussian from a fixed seed, in
/// float32 (float64 where M is), so that state exists before the first step and never depends on a clock.
at::Tensor initial_warm_start(const DirectionRule& rule, int64_t m, int64_t n, const at::TensorOptions& like);

}  // namespace fanion::norms
