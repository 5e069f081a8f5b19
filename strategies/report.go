package strategies

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Reporter turns what a source saw into updates as this package promises them: checked, sorted, and only what is new.
// It is for one goroutine.
type Reporter struct {
	source string
	found  func(Update)
	last   []Peer
	fresh  bool // last was reported, and nothing went wrong since
}

// NewReporter reports to found in the name of source.
func NewReporter(source string, found func(Update)) *Reporter {
	return &Reporter{source: source, found: found}
}

// Set reports peers if they differ from the last set, or an error came after it. A peer whose address is no address is
// left out, and reported as an error before the set.
func (r *Reporter) Set(peers []Peer) {
	if len(peers) > MaxPeers {
		r.Err(fmt.Errorf("%d peers, more than %d: the source is not believed", len(peers), MaxPeers))
		return
	}
	good := make([]Peer, 0, len(peers))
	var bad error
	for _, p := range peers {
		if checked, err := p.Check(); err == nil {
			good = append(good, checked)
		} else if bad == nil {
			bad = err
		}
	}
	set := Merge(good)
	if r.fresh && slices.Equal(set, r.last) {
		return
	}
	if bad != nil {
		r.Err(fmt.Errorf("left out a peer: %w", bad))
	}
	r.last, r.fresh = set, true
	r.found(Update{Source: r.source, Peers: slices.Clone(set)})
}

// Err reports that an attempt failed.
func (r *Reporter) Err(err error) {
	r.fresh = false
	r.found(Update{Source: r.source, Err: fmt.Errorf("%s: %w", r.source, err)})
}

// Poll is the Watch of a source that has to be asked again and again. It calls lookup at once and then every interval,
// give or take a tenth so that nodes started together do not ask together. One lookup gets timeout.
func Poll(ctx context.Context, source string, interval, timeout time.Duration,
	lookup func(ctx context.Context) ([]Peer, error), found func(Update)) error {
	r := NewReporter(source, found)
	for ctx.Err() == nil {
		once, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
		peers, err := lookup(once)
		cancel()
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			r.Err(err)
		} else {
			r.Set(peers)
		}
		Pause(ctx, Jitter(interval))
	}
	return nil
}

// Pause waits for d or the end of ctx, and reports whether ctx goes on.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// Jitter is d, give or take a tenth.
func Jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

// Backoff is how long to wait after so many failures in a row: first, doubled each time, at most limit.
func Backoff(failures int, first, limit time.Duration) time.Duration {
	d := first
	for i := 1; i < failures && d < limit; i++ {
		d *= 2
	}
	return min(d, limit)
}
