package distributed

import (
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
	"github.com/foundation-runtime/foundation/supervision"
)

// Strategy says where a child runs, and how often.
type Strategy uint8

const (
	// Singleton runs once in the cluster, at the node to which its ID belongs.
	Singleton Strategy = iota
	// Partitioned runs once in the cluster, at the node to which its Key belongs: children of one key are together.
	Partitioned
	// Replicated runs once at every node that Labels and Zone permit.
	Replicated
	// Local runs at the node, by name, that started it, whenever that is there.
	Local
)

// String is the name of the constant.
func (s Strategy) String() string {
	names := [...]string{"Singleton", "Partitioned", "Replicated", "Local"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Strategy(%d)", uint8(s))
}

// once reports whether there is to be one process in the cluster.
func (s Strategy) once() bool { return s != Replicated }

// Child describes a child. All nodes hold it, until it is deleted or ends for good.
type Child struct {
	// ID names the child in the whole cluster.
	ID string
	// Kind is what it is: the name of one of cluster.Config.Kinds, and Args are its arguments, which travel like a message.
	Kind string
	Args any
	// Strategy says where it runs. Key is for Partitioned alone.
	Strategy Strategy
	Key      string
	// Restart is supervision's: Permanent children are always restarted, Transient ones after an abnormal end, and Temporary ones
	// never, not even when their node is lost.
	Restart supervision.Restart
	// Intensity is how many restarts within Period are permitted, wherever they happen: 0 is 3, supervision.NoRestarts is none. Then
	// the child has failed, and nothing else has. Period 0 is 5 s.
	Intensity int
	Period    time.Duration
	// Shutdown is the time the process gets to end after it was told to, before it is killed: 0 is 5 s; supervision.BrutalKill and
	// supervision.Infinity mean what they say.
	Shutdown time.Duration
	// Labels and Zone, if given, are what a node must have to run it.
	Labels map[string]string
	Zone   string
}

const (
	maxKind   = 255
	maxLabels = 64
	maxText   = 1024 // of a label or zone
	// MaxIntensity is the most that Child.Intensity can be: the times of restarts travel.
	MaxIntensity = 64
)

// check says everything that is wrong with c, but for its arguments.
func (c *Child) check() error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{"Child." + field, value, why, cure})
	}
	if n := len(c.ID); n == 0 || n > crdt.MaxNameBytes {
		bad("ID", c.ID, fmt.Sprintf("it has %d bytes", n), fmt.Sprintf("give 1 to %d", crdt.MaxNameBytes))
	}
	if n := len(c.Kind); n == 0 || n > maxKind {
		bad("Kind", c.Kind, fmt.Sprintf("it has %d bytes", n), "give the name of one of cluster.Config.Kinds")
	}
	if c.Strategy > Local {
		bad("Strategy", c.Strategy, "there is no such strategy", "use Singleton, Partitioned, Replicated or Local")
	}
	if n := len(c.Key); (c.Strategy == Partitioned) != (n > 0) || n > crdt.MaxNameBytes {
		bad("Key", c.Key, "Partitioned children have a key, and no others", fmt.Sprintf("give 1 to %d bytes with Partitioned, and none else", crdt.MaxNameBytes))
	}
	if c.Restart > supervision.Temporary {
		bad("Restart", c.Restart, "there is no such restart type", "use Permanent, Transient or Temporary")
	}
	if c.Intensity < supervision.NoRestarts || c.Intensity > MaxIntensity {
		bad("Intensity", c.Intensity, "it is out of range", fmt.Sprintf("use 1 to %d, 0 for the default or NoRestarts", MaxIntensity))
	}
	if c.Period < 0 {
		bad("Period", c.Period, "it is negative", "leave it out for 5 s")
	}
	if c.Shutdown < supervision.BrutalKill {
		bad("Shutdown", c.Shutdown, "it is negative", "leave it out for 5 s, or use BrutalKill or Infinity")
	}
	if len(c.Labels) > maxLabels {
		bad("Labels", len(c.Labels), "there are too many", fmt.Sprintf("give up to %d", maxLabels))
	}
	texts := []string{c.Zone}
	for k, v := range c.Labels {
		texts = append(texts, k, v)
	}
	for _, t := range texts {
		if len(t) > maxText {
			bad("Labels and Zone", t[:32]+"...", "a text is too long", fmt.Sprintf("give up to %d bytes", maxText))
		}
	}
	return errors.Join(errs...)
}
