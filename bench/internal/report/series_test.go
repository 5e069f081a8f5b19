package report

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		s    Series
		want float64
	}{
		{Series{3}, 3},
		{Series{9, 1, 5}, 5},
		{Series{4, 1, 3, 2}, 2.5},
		{Series{1, 1, 1, 1000}, 1},
	} {
		before := slices.Clone(c.s)
		if got := c.s.Median(); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.s, got, c.want)
		}
		if !slices.Equal(before, c.s) {
			t.Errorf("Median reordered %v to %v", before, c.s)
		}
	}
}

func TestEmptySeriesIsNaN(t *testing.T) {
	var s Series
	for name, got := range map[string]float64{
		"median": s.Median(), "min": s.Min(), "max": s.Max(), "percentile": s.Percentile(50),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s of an empty series is %v, want NaN", name, got)
		}
	}
}

func TestOverIsFormedByRound(t *testing.T) {
	// The second round was slow for both: the ratio does not move.
	got := Series{50, 500, 50}.Over(Series{100, 1000, 100})
	if !slices.Equal(got, Series{0.5, 0.5, 0.5}) {
		t.Errorf("got %v", got)
	}
	if got := (Series{1, 2}).Over(Series{2}); !slices.Equal(got, Series{0.5, 1}) {
		t.Errorf("a single base holds for all rounds: got %v", got)
	}
	if got := (Series{1, 2, 3}).Over(Series{0, 4}); !slices.Equal(got, Series{0.5}) {
		t.Errorf("rounds without a usable base are left out: got %v", got)
	}
	if got := (Series{1}).Over(nil); len(got) != 0 {
		t.Errorf("no base gives no ratio: got %v", got)
	}
}

func TestPercentile(t *testing.T) {
	var s Series
	for i := range 200 {
		s = append(s, float64(200-i)) // 200 … 1
	}
	for p, want := range map[float64]float64{0: 1, 50: 100, 99: 198, 99.9: 200, 100: 200} {
		if got := s.Percentile(p); got != want {
			t.Errorf("p%v is %v, want %v", p, got, want)
		}
	}
}
