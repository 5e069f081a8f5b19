package placement

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	jump "github.com/lithammer/go-jump-consistent-hash"
	"github.com/zeebo/xxh3"
)

const (
	// DefaultPartitions is how many partitions there are if [Config] does not say.
	DefaultPartitions = 16384
	// MaxPartitions is the most that [Config].Partitions can be.
	MaxPartitions = 1 << 16
	// MaxMembers is how many members a table can have.
	MaxMembers = 4096
	// MaxWeight is the most that [Member].Weight can be.
	MaxWeight = 16
	// MaxNameBytes is how long the name of a member can be.
	MaxNameBytes = 255
)

// Partition is the number of a partition, from 0. A key keeps its partition for as long as the cluster keeps its
// [Config], so who uses a key often stores it.
type Partition uint16

// Config is what all nodes of a cluster must have in common before they compare tables; it is fixed when the cluster is
// formed. The zero value has the defaults.
type Config struct {
	// Partitions is how many there are; zero is [DefaultPartitions]. More make shares more even, and tables larger.
	Partitions int
	// Seed chooses one of the equally good placements, and does not change the partitions of keys.
	Seed uint64
}

// Member is a node that is up.
type Member struct {
	// Name is what the placement hangs on: a node that returns under its name gets its partitions back, wherever it runs.
	Name string
	// Weight is the size of its share, from 1 to [MaxWeight]; zero is 1.
	Weight int
}

// ConfigError is what is wrong with a field, and what to do about it.
type ConfigError struct {
	Field string // "Partitions", "Seed", "Members", "Member.Name" or "Member.Weight"
	Value any
	Why   string
	Cure  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("cluster/placement: %s is %#v: %s; %s", e.Field, e.Value, e.Why, e.Cure)
}

// PartitionOf returns the partition of key. It is the same for every Seed and every set of members. Where c is not
// valid it is of no use, but does not panic.
func (c Config) PartitionOf(key string) Partition { return partitionOf(key, c.defaults().Partitions) }

func partitionOf(key string, partitions int) Partition {
	return Partition(jump.Hash(xxh3.HashString(key), int32(partitions)))
}

func (c Config) defaults() Config {
	if c.Partitions == 0 {
		c.Partitions = DefaultPartitions
	}
	return c
}

// check returns everything that is wrong with c and with members, which are sorted by name and have defaults.
func check(c Config, members []Member) error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{Field: field, Value: value, Why: why, Cure: cure})
	}
	if c.Partitions < 1 || c.Partitions > MaxPartitions {
		bad("Partitions", c.Partitions, fmt.Sprintf("there can be 1 to %d", MaxPartitions),
			fmt.Sprintf("leave it zero for %d, or give what the cluster was formed with", DefaultPartitions))
	}
	if n := len(members); n == 0 {
		bad("Members", n, "nobody could own anything", "build a table only while somebody is up; the node itself always is")
	} else if n > MaxMembers {
		bad("Members", n, fmt.Sprintf("there can be up to %d", MaxMembers), "federate several smaller clusters")
		return errors.Join(errs...)
	}
	for i, m := range members {
		switch {
		case m.Name == "":
			bad("Member.Name", m.Name, "a member without a name cannot be told from others", "give each node a name of its own")
		case len(m.Name) > MaxNameBytes:
			bad("Member.Name", m.Name, fmt.Sprintf("it has %d bytes, there can be up to %d", len(m.Name), MaxNameBytes),
				"give the node a shorter name")
		case i > 0 && members[i-1].Name == m.Name:
			bad("Member.Name", m.Name, "two members have it", "give each node a name of its own, and list each once")
		}
		if m.Weight < 1 || m.Weight > MaxWeight {
			bad("Member.Weight", m.Weight, fmt.Sprintf("of %q; weights are 1 to %d", m.Name, MaxWeight),
				"leave it zero for 1; a node that shall own nothing is left out")
		}
	}
	return errors.Join(errs...)
}

// sorted returns members by name, with defaults; it does not change members.
func sorted(members []Member) []Member {
	s := slices.Clone(members)
	slices.SortFunc(s, func(a, b Member) int {
		if d := strings.Compare(a.Name, b.Name); d != 0 {
			return d
		}
		return a.Weight - b.Weight
	})
	for i := range s {
		if s[i].Weight == 0 {
			s[i].Weight = 1
		}
	}
	return s
}
