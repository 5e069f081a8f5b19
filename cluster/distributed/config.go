package distributed

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/placement"
)

// Config of a supervisor. All nodes have equal ones, but for the Logger.
type Config struct {
	// Kinds are what children can be: see [KindOf].
	Kinds []Kind
	// Types are the types that the arguments of children hold in interfaces. The types of arguments themselves need not be there.
	Types []cluster.Type
	// Partitions and Seed are those of cluster.Config.
	Partitions int
	Seed       uint64
	// Now reads the clock; nil is time.Now.
	Now func() time.Time
	// Logger; nil is slog.Default.
	Logger *slog.Logger
}

func (c Config) filled() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) layout() placement.Config {
	return placement.Config{Partitions: c.Partitions, Seed: c.Seed}
}

// check says everything that is wrong with a filled Config.
func (c Config) check() error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{"Config." + field, value, why, cure})
	}
	if c.Partitions < 0 || c.Partitions > placement.MaxPartitions {
		bad("Partitions", c.Partitions, fmt.Sprintf("there can be 1 to %d", placement.MaxPartitions), "leave it out, or give what cluster.Config has")
	}
	names := map[string]bool{}
	for _, k := range c.Kinds {
		if k.name == "" || len(k.name) > maxKind || k.start == nil || names[k.name] {
			bad("Kinds", k.name, "the name is empty, too long or there twice, or the kind was not made by KindOf", "give every kind a short name of its own")
		}
		names[k.name] = true
	}
	return errors.Join(errs...)
}
