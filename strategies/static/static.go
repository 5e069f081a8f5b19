// Package static finds peers in a list that does not change.
//
// # Guarantees
//
//   - The list is checked whole when it is given; New names every entry that is wrong.
//   - The list is reported once, and never fails.
//
// # Not guaranteed
//
//   - Host names are not resolved: that happens at each connect, so that a node may move.
//   - The list may hold the node itself, which makes one list good for all nodes.
//
// # Limits
//
// As many peers as [strategies.MaxPeers].
package static

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/foundation-runtime/foundation/strategies"
)

// Strategy reports a fixed list.
type Strategy struct{ peers []strategies.Peer }

// New takes peers as host:port or name@host:port.
func New(peers ...string) (*Strategy, error) {
	var errs []error
	s := &Strategy{}
	for i, text := range peers {
		p, err := strategies.ParsePeer(strings.TrimSpace(text))
		if err != nil {
			errs = append(errs, &strategies.ConfigError{Strategy: "strategies/static", Field: fmt.Sprintf("peers[%d]", i),
				Value: text, Why: err.Error(), Cure: "write host:port or name@host:port, as in 10.0.0.1:7946"})
		}
		s.peers = append(s.peers, p)
	}
	if len(peers) == 0 || len(peers) > strategies.MaxPeers {
		errs = append(errs, &strategies.ConfigError{Strategy: "strategies/static", Field: "peers", Value: len(peers),
			Why:  fmt.Sprintf("the number of peers is not from 1 to %d", strategies.MaxPeers),
			Cure: "list at least one peer; the node itself may be in it"})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Watch implements [strategies.Strategy].
func (s *Strategy) Watch(ctx context.Context, found func(strategies.Update)) error {
	if ctx.Err() == nil {
		strategies.NewReporter(s.String(), found).Set(s.peers)
	}
	<-ctx.Done()
	return nil
}

// String names the strategy and its size.
func (s *Strategy) String() string { return fmt.Sprintf("static(%d)", len(s.peers)) }
