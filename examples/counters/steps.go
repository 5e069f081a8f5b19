package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// placed says at which node each counter runs.
type placed map[string]string

// String counts them by node.
func (p placed) String() string {
	count := map[string]int{}
	for _, node := range p {
		count[node]++
	}
	var list []string
	for _, node := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%s %d", node, count[node]))
	}
	return strings.Join(list, ", ")
}

// at are the counters of one node.
func (p placed) at(node string) (ids []string) {
	for id, n := range p {
		if n == node {
			ids = append(ids, id)
		}
	}
	return ids
}

// strayed are the counters that are not where they were, but for those that were at the node that is gone: they must be elsewhere.
func strayed(before, after placed, gone string) (faults []error) {
	for id, node := range before {
		switch now, runs := after[id]; {
		case !runs:
			faults = append(faults, fmt.Errorf("%s runs nowhere", id))
		case node == gone && now == gone:
			faults = append(faults, fmt.Errorf("%s is still at %s", id, gone))
		case node != gone && now != node:
			faults = append(faults, fmt.Errorf("%s is moved from %s to %s", id, node, now))
		}
	}
	return faults
}

// sum is of all counters.
type sum struct{ count, acked, lost, failed uint64 }

// total adds up what clients know, and says where a counter does not hold what was acknowledged in its life.
func total(all map[string]look) (s sum, err error) {
	var faults []error
	for id, l := range all {
		s.count += l.count
		s.acked += l.acked
		s.lost += l.lost
		s.failed += l.failed
		if l.acked != l.now+l.lost || l.count < l.now || l.count > l.now+l.failed {
			faults = append(faults, fmt.Errorf("%s has counted %d; of %d updates acknowledged %d are of its life", id, l.count, l.acked, l.now))
		}
	}
	return s, errors.Join(faults...)
}

// renewals counts counters that began anew, updates that are lost thereby and requests that failed, since the looks before.
func renewals(before, after map[string]look) (renewed int, lost, failed uint64, slowest time.Duration) {
	for id, l := range after {
		if l.renewed > before[id].renewed {
			renewed++
		}
		lost += l.lost - before[id].lost
		failed += l.failed - before[id].failed
		slowest = max(slowest, l.slowest)
	}
	return renewed, lost, failed, slowest
}

// leave lets a node leave: its counters go on elsewhere, and nothing is lost.
func (d *director) leave(ctx context.Context) error {
	before, knew := d.owners(), d.looks()
	had := len(before.at(cyd))
	if had == 0 {
		return fmt.Errorf("%s has no counters that could be moved: %v", cyd, before)
	}
	began := time.Now()
	e, err := d.nodes[cyd].leave(ctx)
	if err != nil {
		return err
	}
	if err := d.everyone(ctx, time.Now(), nil, nil); err != nil {
		return err
	}
	after := d.owners()
	renewed, lost, failed, slowest := renewals(knew, d.looks())
	d.say("%s leaves under load: of %v to %v", cyd, before, after)
	d.say("   %d counters were moved with their state within %v; all of it took %v; the slowest answer meanwhile took %v",
		had, round(e.Within), round(time.Since(began)), round(slowest))
	d.say("   lost updates: %d; requests that failed: %d", lost, failed)
	faults := strayed(before, after, cyd)
	if renewed > 0 || lost > 0 || failed > 0 {
		faults = append(faults, fmt.Errorf("%s has left, and %d counters began anew, %d updates are lost, %d requests failed", cyd, renewed, lost, failed))
	}
	if e.Moved != had {
		faults = append(faults, fmt.Errorf("%s had %d counters and says that it moved %d", cyd, had, e.Moved))
	}
	return errors.Join(append(faults, d.faults())...)
}

// join starts a node, and sees that it does not change what runs.
func (d *director) join(ctx context.Context) error {
	before, knew := d.owners(), d.looks()
	if err := d.start(dee, 4); err != nil {
		return err
	}
	if _, err := d.nodes[dee].await(ctx, eventReady); err != nil {
		return err
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	after := d.owners()
	renewed, lost, failed, _ := renewals(knew, d.looks())
	d.say("%s joins under load: of %v to %v", dee, before, after)
	d.say("   nothing is moved because a node joins; lost updates: %d; requests that failed: %d", lost, failed)
	faults := strayed(before, after, "")
	if renewed > 0 || lost > 0 || failed > 0 {
		faults = append(faults, fmt.Errorf("%s has joined, and %d counters began anew, %d updates are lost, %d requests failed", dee, renewed, lost, failed))
	}
	return errors.Join(append(faults, d.faults())...)
}

// kill kills a node: its counters begin anew elsewhere.
func (d *director) kill(ctx context.Context) error {
	before, knew := d.owners(), d.looks()
	victims := before.at(bob)
	if len(victims) == 0 {
		return fmt.Errorf("%s has no counters that could be lost: %v", bob, before)
	}
	killed := time.Now()
	if err := d.nodes[bob].cmd.Process.Kill(); err != nil {
		return err
	}
	if err := d.everyone(ctx, time.Now(), victims, knew); err != nil {
		return err
	}
	took := time.Since(killed)
	after, knows := d.owners(), d.looks()
	renewed, lost, failed, _ := renewals(knew, knows)
	d.say("%s is killed (SIGKILL, process %d) under load: of %v to %v", bob, d.nodes[bob].cmd.Process.Pid, before, after)
	d.say("   all counters answer again %v after the kill; requests to its counters that failed before: %d", round(took), failed)
	d.say("   its %d counters began anew, for there are no checkpoints yet: %d updates are lost with their state", renewed, lost)
	faults := strayed(before, after, bob)
	for id, node := range before {
		if anew := knows[id].renewed > knew[id].renewed; anew != (node == bob) {
			faults = append(faults, fmt.Errorf("%s was at %s when %s was killed; that it began anew is %v", id, node, bob, anew))
		}
		if l := knows[id]; node != bob && l.failed > knew[id].failed {
			faults = append(faults, fmt.Errorf("%s is at %s, and did not answer when %s was killed: %w", id, node, bob, l.failure))
		}
	}
	return errors.Join(append(faults, d.faults())...)
}
