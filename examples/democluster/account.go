package main

import (
	"errors"
	"fmt"
	"slices"
)

// stream is all that one node sent another.
type stream struct {
	from, to string
	planned  uint64
	sent     uint64
	handled  uint64
	dead     map[string]uint64 // by reason: not handled
	inDoubt  uint64            // dead letters because the connection was lost before the other side had acknowledged them
	died     bool              // one end was killed
}

// refused is how many became dead letters that were surely not handled.
func (s stream) refused() (n uint64) {
	for _, count := range s.dead {
		n += count
	}
	return n
}

// perished is how many were in the memory of the dead node, or on the way from or to it.
func (s stream) perished() uint64 { return s.sent - s.handled - s.refused() }

// account makes streams of what the survivors report and the dead node's ledger says, and says what does not add up.
func account(planned map[[2]string]uint64, dead string, reports map[string]report, ledger func(c cell, node string) uint64) ([]stream, error) {
	var all []stream
	var errs []error
	for _, from := range names {
		for _, to := range names {
			if from == to {
				continue
			}
			s := stream{from: from, to: to, planned: planned[[2]string{from, to}], died: from == dead || to == dead}
			if from == dead {
				s.sent = ledger(sentCell, to)
			} else {
				r := reports[from]
				s.sent, s.dead, s.inDoubt = r.Sent[to], r.Dead[to], r.InDoubt[to]
			}
			if to == dead {
				s.handled = ledger(gotCell, from)
				if ledger(gapCell, from) > 0 {
					errs = append(errs, fmt.Errorf("%s handled messages out of order", to))
				}
			} else {
				s.handled = reports[to].Got[from]
			}
			all = append(all, s)
			errs = append(errs, s.check(from == dead))
		}
	}
	for name, r := range reports {
		errs = append(errs, r.check(name, dead))
	}
	return all, errors.Join(errs...)
}

// check says what is wrong with a stream.
func (s stream) check(fromDead bool) error {
	why := ""
	switch {
	case s.sent > s.planned, !fromDead && s.sent != s.planned:
		why = "not everything was sent"
	case s.handled+s.refused() > s.sent:
		why = "more was handled or refused than was sent"
	case !s.died && s.handled != s.sent:
		why = "messages between survivors are missing"
	case !s.died && s.refused()+s.inDoubt > 0:
		why = "messages between survivors became dead letters"
	default:
		return nil
	}
	return fmt.Errorf("%s to %s: %s: planned %d, sent %d, handled %d, refused %d, in doubt %d", s.from, s.to, why, s.planned, s.sent,
		s.handled, s.refused(), s.inDoubt)
}

// check says what is wrong with a report of the node name.
func (r report) check(name, dead string) error {
	var errs []error
	if r.Gaps > 0 {
		errs = append(errs, fmt.Errorf("%s got messages out of order", name))
	}
	if !r.Balanced {
		errs = append(errs, fmt.Errorf("at %s messages are neither handled nor dead nor queued", name))
	}
	if r.Strange > 0 {
		errs = append(errs, fmt.Errorf("%s has %d dead letters that are no parcels", name, r.Strange))
	}
	told := func(d down) bool { return d.Node == dead }
	if len(r.Monitors) != 1 || !slices.ContainsFunc(r.Monitors, told) {
		errs = append(errs, fmt.Errorf("the monitors of %s fired %d times, and not once for %s: %v", name, len(r.Monitors), dead, r.Monitors))
	}
	if len(r.Members) != 1 || !slices.ContainsFunc(r.Members, told) {
		errs = append(errs, fmt.Errorf("%s holds other members down than %s: %v", name, dead, r.Members))
	}
	return errors.Join(errs...)
}
