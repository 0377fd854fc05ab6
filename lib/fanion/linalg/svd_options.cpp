#include "fanion/linalg/svd_options.h"

#include <array>

#include "fanion/linalg/svd_report.h"
#include "fanion/names.h"

namespace fanion::linalg {
namespace {

constexpr std::array<Named<SvdCriterion>, 4> kCriteria{{{SvdCriterion::residual, "residual"},
                                                        {SvdCriterion::rank_k, "rank_k"},
                                                        {SvdCriterion::lmo_gap, "lmo_gap"},
                                                        {SvdCriterion::passes, "passes"}}};
constexpr std::array<Named<SvdPrecision>, 4> kPrecisions{{{SvdPrecision::full, "full"},
                                                          {SvdPrecision::mixed, "mixed"},
                                                          {SvdPrecision::bfloat16, "bfloat16"},
                                                          {SvdPrecision::int8, "int8"}}};
constexpr std::array<Named<SvdStart>, 3> kStarts{
    {{SvdStart::automatic, "auto"}, {SvdStart::random, "random"}, {SvdStart::sampled, "sampled"}}};
constexpr std::array<Named<SvdStatus>, 3> kStatuses{
    {{SvdStatus::converged, "converged"}, {SvdStatus::exhausted, "exhausted"}, {SvdStatus::passes, "passes"}}};
constexpr std::array<Named<BoundKind>, 3> kBoundKinds{
    {{BoundKind::proved, "proved"}, {BoundKind::probabilistic, "probabilistic"}, {BoundKind::none, "none"}}};

}  // namespace

SvdCriterion svd_criterion_from_name(std::string_view name) { return parse_name(kCriteria, name, "SVD criterion"); }
SvdPrecision svd_precision_from_name(std::string_view name) { return parse_name(kPrecisions, name, "SVD precision"); }
SvdStart svd_start_from_name(std::string_view name) { return parse_name(kStarts, name, "SVD start"); }
std::string_view name_of(SvdCriterion criterion) { return find_name(kCriteria, criterion); }
std::string_view name_of(SvdPrecision precision) { return find_name(kPrecisions, precision); }
std::string_view name_of(SvdStart start) { return find_name(kStarts, start); }
std::string_view name_of(SvdStatus status) { return find_name(kStatuses, status); }
std::string_view name_of(BoundKind kind) { return find_name(kBoundKinds, kind); }

}  // namespace fanion::linalg
