package supervision

import (
	"fmt"
	"runtime"
	"time"
)

// DynamicSpec describes a supervisor for many children that come and go, of one kind or of any. Children have no ids:
// a PID names them. They are restarted one for one, stopped all at once, and forgotten when they end for good.
// Source: OTP simple_one_for_one, Elixir DynamicSupervisor.
type DynamicSpec struct {
	Intensity    int           // most restarts within Period, of all children together; 0: 3; NoRestarts: none
	Period       time.Duration // 0: 5 s
	AutoShutdown AutoShutdown
	Backoff      Backoff
	// MaxChildren is the most children at any time, restarting ones included; 0: no limit. Further ones are refused with
	// ErrMaxChildren.
	MaxChildren int
	// Template gives what a Child passed to StartChild leaves zero: with a Start in it, StartChild(ctx, Child{}) starts
	// one more of that kind.
	Template Child
}

func (s DynamicSpec) check(c *checker, path string) {
	c.limits(path, s.Intensity, s.Period, s.AutoShutdown)
	s.Backoff.check(path, c.report)
	if s.MaxChildren < 0 {
		c.report(path, "MaxChildren", fmt.Sprintf("is %d; use a positive number, or 0 for no limit", s.MaxChildren))
	}
	t := s.Template
	if t.Start == nil && t.Supervisor == nil {
		t.Start = noActor // not required of a template
	}
	t.check(c, join(path, "Template", 0), s.AutoShutdown)
}

func (s DynamicSpec) prepare() *blueprint {
	b := &blueprint{kind: kindDynamic, template: s.Template.clone()}
	b.conf = newConfig(OneForOne, s.Intensity, s.Period, s.AutoShutdown, s.Backoff)
	b.conf.dynamic, b.conf.max = true, s.MaxChildren
	return b
}

// over fills in from t what c leaves zero.
func (c Child) over(t Child) Child {
	if c.Start == nil && c.Supervisor == nil {
		c.Start, c.Supervisor = t.Start, t.Supervisor
	}
	if c.ID == "" {
		c.ID = t.ID
	}
	if c.Restart == Permanent {
		c.Restart = t.Restart
	}
	if c.Shutdown == 0 {
		c.Shutdown = t.Shutdown
	}
	if c.Ready == 0 && c.Supervisor == nil {
		c.Ready = t.Ready
	}
	if c.Liveness.Every == 0 {
		c.Liveness = t.Liveness
	}
	if c.Options == nil {
		c.Options = t.Options
	}
	c.Significant = c.Significant || t.Significant
	return c
}

// PartitionedSpec describes a supervisor with the same child many times over, one per partition, so that work on
// different keys does not meet in one process. Restarts are one for one. Source: Elixir PartitionSupervisor.
type PartitionedSpec struct {
	Partitions int // 0: GOMAXPROCS
	Intensity  int
	Period     time.Duration
	Backoff    Backoff
	// Child gives the child of partition i, from 0; it may be called more than once for one i. Its ID is not used: it is the number of the partition. It must not be
	// Significant.
	Child func(i int) Child
}

func (s PartitionedSpec) check(c *checker, path string) {
	if s.Partitions < 0 {
		c.report(path, "Partitions", fmt.Sprintf("is %d; use a positive number, or 0 for GOMAXPROCS", s.Partitions))
	}
	if s.Child == nil {
		c.report(path, "Child", "is nil; give a function that describes the child of a partition")
		return
	}
	defer func() {
		if v := recover(); v != nil {
			c.report(path, "Child", fmt.Sprintf("panics: %v", v))
		}
	}()
	s.expand().check(c, path)
}

func (s PartitionedSpec) expand() Spec {
	if s.Partitions == 0 {
		s.Partitions = runtime.GOMAXPROCS(0)
	}
	spec := Spec{Intensity: s.Intensity, Period: s.Period, Backoff: s.Backoff}
	for i := range s.Partitions {
		ch := s.Child(i)
		ch.ID = fmt.Sprint(i)
		spec.Children = append(spec.Children, ch)
	}
	return spec
}

func (s PartitionedSpec) prepare() *blueprint {
	b := s.expand().prepare()
	b.kind = kindPartitioned
	return b
}
