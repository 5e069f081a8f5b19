package report

import (
	"math"
	"slices"
)

// Series is one figure measured in several rounds, in the order of the rounds.
type Series []float64

// Median returns the middle value, the mean of the two middle ones for an even length, and NaN for an empty series.
func (s Series) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// Min returns the smallest value, NaN for an empty series.
func (s Series) Min() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Min(s)
}

// Max returns the largest value, NaN for an empty series.
func (s Series) Max() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Max(s)
}

// Over returns s divided by base, round by round. A base of one value holds for all rounds. Rounds without a base, or
// with a base that is not positive, are left out.
func (s Series) Over(base Series) Series {
	ratios := make(Series, 0, len(s))
	for i, v := range s {
		b := math.NaN()
		switch {
		case len(base) == 1:
			b = base[0]
		case i < len(base):
			b = base[i]
		}
		if b > 0 {
			ratios = append(ratios, v/b)
		}
	}
	return ratios
}

// Percentile returns the smallest value such that at least p percent of the series are not above it (nearest rank).
// It returns NaN for an empty series.
func (s Series) Percentile(p float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(s)
	slices.Sort(sorted)
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
