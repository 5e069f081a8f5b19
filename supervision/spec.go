package supervision

import (
	"fmt"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Spec describes a supervisor. The zero value is a supervisor without children: OneForOne, at most three restarts in
// five seconds.
//
// A spec is checked whole, nested ones too, before anything is started; the error is a [*SpecError] that names every
// fault. It is copied: later changes by the caller have no effect.
type Spec struct {
	Strategy     Strategy
	Intensity    int           // most restarts within Period; 0: 3; NoRestarts: none
	Period       time.Duration // 0: 5 s
	AutoShutdown AutoShutdown
	Backoff      Backoff // zero: none
	Children     []Child // started in this order, stopped in reverse
}

// Child describes a child of a supervisor.
type Child struct {
	// ID names the child within its supervisor. Children of a dynamic supervisor need none; it is then a label.
	ID string
	// Start makes a fresh actor for every incarnation: a struct, Func, Typed(a), Blocking(f). What it captures is shared
	// by all incarnations, also by one that was killed and still runs. It must not return nil.
	Start func() actor.Actor
	// Supervisor, instead of Start, makes the child a supervisor: a Spec, DynamicSpec or PartitionedSpec.
	Supervisor AnySpec
	Restart    Restart
	// Significant children count for the supervisor's AutoShutdown. They must be Transient or Temporary.
	Significant bool
	// Shutdown is the time the child gets to end after it was told to, before it is killed. 0: 5 s, Infinity for
	// supervisors. BrutalKill: killed without being told.
	Shutdown time.Duration
	// Ready, if positive, makes the start of the child last until the child calls [Ready], at most this long (Infinity: however long); then it is
	// killed and has failed to start, with ErrNotReady. The children after it start when it is ready. Beyond OTP.
	Ready time.Duration
	// Liveness, if Every is set, is a probe that kills the child when it does not answer. Beyond OTP.
	Liveness Liveness
	// Options of the spawn. WithName gives every incarnation the same name: System.Named is then the child's address
	// across restarts.
	Options []actor.SpawnOption

	onEnd func(pid actor.PID, reason error) // of tasks: their process ended
}

// AnySpec is a Spec, DynamicSpec or PartitionedSpec.
type AnySpec interface {
	check(c *checker, path string)
	prepare() *blueprint
}

// blueprint is a checked and copied specification with all defaults filled in.
type blueprint struct {
	kind     kind
	conf     config
	children []Child
	template Child
}

type kind uint8

const (
	kindStatic kind = iota
	kindDynamic
	kindPartitioned
)

func (s Spec) prepare() *blueprint {
	b := &blueprint{kind: kindStatic, children: make([]Child, 0, len(s.Children))}
	b.conf = newConfig(s.Strategy, s.Intensity, s.Period, s.AutoShutdown, s.Backoff)
	for i := range s.Children {
		b.children = append(b.children, s.Children[i].clone())
	}
	return b
}

func newConfig(s Strategy, intensity int, period time.Duration, auto AutoShutdown, b Backoff) config {
	if intensity == 0 {
		intensity = DefaultIntensity
	}
	if period == 0 {
		period = DefaultPeriod
	}
	return config{strategy: s, intensity: intensity, period: period, auto: auto, backoff: b.withDefaults()}
}

func (c Child) clone() Child {
	c.Options = slices.Clone(c.Options)
	if c.Supervisor != nil {
		c.Supervisor = c.Supervisor.prepare()
	}
	return c
}

// patience is how long the child may take to end: a positive time, BrutalKill or Infinity.
func (c *Child) patience() time.Duration {
	switch {
	case c.Shutdown != 0:
		return c.Shutdown
	case c.Supervisor != nil:
		return Infinity
	}
	return DefaultShutdown
}

// async says that a spawned process is not yet a started child: its report, or its exit, follows.
func (c *Child) async() bool { return c.Supervisor != nil || c.Ready > 0 }

// A blueprint is itself an AnySpec: what a copied Child holds.
func (b *blueprint) prepare() *blueprint           { return b }
func (b *blueprint) check(c *checker, path string) {}

const maxDepth = 100 // of nested supervisors

// checker collects the faults of a specification.
type checker struct {
	faults []Fault
	within []*Child // first children of the specs being checked: a spec within itself
	depth  int
	deep   bool // the limit was reached: no further checks, a spec that makes itself has no end
}

func (c *checker) report(path, field, why string) {
	c.faults = append(c.faults, Fault{Path: path, Field: field, Why: why})
}

func (c *checker) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	return &SpecError{Faults: c.faults}
}

// Validate checks a specification, nested ones included, as Start does, and starts nothing. The error is a *SpecError.
func Validate(s AnySpec) error {
	var c checker
	c.spec(s, "")
	return c.err()
}

// spec checks a supervisor, and that pointers to specs are not nil.
func (c *checker) spec(s AnySpec, path string) {
	missing := false
	switch s := s.(type) {
	case nil:
		missing = true
	case *Spec:
		missing = s == nil
	case *DynamicSpec:
		missing = s == nil
	case *PartitionedSpec:
		missing = s == nil
	}
	if missing {
		c.report(path, "Supervisor", "is nil; give a Spec, DynamicSpec or PartitionedSpec")
		return
	}
	if c.depth++; c.depth > maxDepth && !c.deep {
		c.report(path, "Supervisor", fmt.Sprintf("is nested more than %d levels deep", maxDepth))
		c.deep = true
	}
	if !c.deep {
		s.check(c, path)
	}
	c.depth--
}

func (s Spec) check(c *checker, path string) {
	if s.Strategy > RestForOne {
		c.report(path, "Strategy", fmt.Sprintf("is %v; use OneForOne, OneForAll or RestForOne", s.Strategy))
	}
	c.limits(path, s.Intensity, s.Period, s.AutoShutdown)
	s.Backoff.check(path, c.report)
	if len(s.Children) == 0 {
		return
	}
	if slices.Contains(c.within, &s.Children[0]) {
		c.report(path, "Children", "contain this supervisor itself; give every supervisor its own slice of children")
		return
	}
	c.within = append(c.within, &s.Children[0])
	seen := make(map[string]int)
	for i := range s.Children {
		ch := &s.Children[i]
		at := join(path, ch.ID, i)
		if first, dup := seen[ch.ID]; dup && ch.ID != "" {
			c.report(at, "ID", fmt.Sprintf("%q is used by child #%d already; ids must be unique within a supervisor", ch.ID, first))
		} else {
			seen[ch.ID] = i
		}
		if ch.ID == "" {
			c.report(at, "ID", "is empty; give every child an id")
		}
		ch.check(c, at, s.AutoShutdown)
	}
	c.within = c.within[:len(c.within)-1]
}

func join(path, id string, i int) string {
	if id == "" {
		id = fmt.Sprintf("#%d", i)
	}
	if path == "" {
		return id
	}
	return path + "/" + id
}

func (c *checker) limits(path string, intensity int, period time.Duration, auto AutoShutdown) {
	if intensity < NoRestarts {
		c.report(path, "Intensity", fmt.Sprintf("is %d; use a positive number, 0 for the default or NoRestarts", intensity))
	}
	if period < 0 {
		c.report(path, "Period", fmt.Sprintf("is %v; use a positive duration, or 0 for the default", period))
	}
	if auto > AllSignificant {
		c.report(path, "AutoShutdown", fmt.Sprintf("is %v; use Never, AnySignificant or AllSignificant", auto))
	}
}

func (ch *Child) check(c *checker, at string, auto AutoShutdown) {
	switch {
	case ch.Start == nil && ch.Supervisor == nil:
		c.report(at, "Start", "is nil; give a function that returns a fresh actor, or a Supervisor")
	case ch.Start != nil && ch.Supervisor != nil:
		c.report(at, "Start", "and Supervisor are both set; give one of them")
	}
	if ch.Supervisor != nil {
		c.spec(ch.Supervisor, at)
	}
	if ch.Restart > Temporary {
		c.report(at, "Restart", fmt.Sprintf("is %v; use Permanent, Transient or Temporary", ch.Restart))
	}
	if ch.Significant && auto == Never {
		c.report(at, "Significant", "needs a supervisor with AutoShutdown AnySignificant or AllSignificant")
	}
	if ch.Significant && ch.Restart == Permanent {
		c.report(at, "Significant", "needs Restart Transient or Temporary: a Permanent child never ends for good")
	}
	if ch.Shutdown < BrutalKill {
		c.report(at, "Shutdown", fmt.Sprintf("is %v; use a positive duration, 0 for the default, BrutalKill or Infinity", ch.Shutdown))
	}
	if ch.Ready < 0 {
		c.report(at, "Ready", fmt.Sprintf("is %v; use a positive duration, or 0 for none", ch.Ready))
	}
	if ch.Ready > 0 && ch.Supervisor != nil {
		c.report(at, "Ready", "is for children with Start; a supervisor is ready when its children are")
	}
	ch.Liveness.check(c, at)
	for _, o := range ch.Options {
		if o == nil {
			c.report(at, "Options", "contain nil")
			break
		}
	}
}
