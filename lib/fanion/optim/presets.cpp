#include "fanion/optim/presets.h"

#include "fanion/norms/deflated.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/spectral.h"

namespace fanion::optim {

using norms::with_frobenius;

LmoSettings muon(const LmoStepOptions& step, const linalg::NewtonSchulzOptions& ns) {
  return {norms::spectral(ns), step};
}
LmoSettings neon(const LmoStepOptions& step, const norms::TripletOptions& svd) { return {norms::nuclear(svd), step}; }
LmoSettings fanion(int64_t k, const LmoStepOptions& step, const norms::TripletOptions& svd) {
  return {norms::ky_fan_dual(k, svd), step};
}
LmoSettings f_muon(const LmoStepOptions& step, double alpha, const linalg::NewtonSchulzOptions& ns) {
  return {with_frobenius(norms::spectral(ns), alpha), step};
}
LmoSettings f_neon(const LmoStepOptions& step, double alpha, const norms::TripletOptions& svd) {
  return {with_frobenius(norms::nuclear(svd), alpha), step};
}
LmoSettings f_fanion(int64_t k, const LmoStepOptions& step, double alpha, const norms::TripletOptions& svd) {
  return {with_frobenius(norms::ky_fan_dual(k, svd), alpha), step};
}
LmoSettings d_fanion(int64_t k, const LmoStepOptions& step, norms::ResidualMap residual,
                     const norms::TripletOptions& svd) {
  return {norms::deflated(k, residual, svd), step};
}
LmoSettings nsgd(const LmoStepOptions& step) { return {norms::frobenius(), step}; }
LmoSettings signum(const LmoStepOptions& step) { return {norms::max_entry(), step}; }

}  // namespace fanion::optim
