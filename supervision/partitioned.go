package supervision

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/foundation-runtime/foundation/actor"
)

// Partitioned is a handle of a partitioned supervisor. What [Supervisor] says of handles holds for it too.
type Partitioned struct{ v *view }

// StartPartitioned starts a partitioned supervisor with all its partitions. What [Start] says of s, faults and opts
// holds for it too.
func StartPartitioned(s actor.Spawner, spec PartitionedSpec, opts ...actor.SpawnOption) (*Partitioned, error) {
	v, err := launch(s, spec, opts)
	if err != nil {
		return nil, err
	}
	return &Partitioned{v}, nil
}

// AttachPartitioned is [Attach] for a partitioned supervisor.
func AttachPartitioned(s *actor.System, pid actor.PID) *Partitioned {
	return &Partitioned{attach(s, pid, kindPartitioned)}
}

// PID is the supervisor's process.
func (p *Partitioned) PID() actor.PID { return p.v.pid }

// Partitions is the number of partitions in use.
func (p *Partitioned) Partitions() int { return int(p.v.partitions.Load()) }

// For is the process that serves key: the same for the same key until it restarts or the partitions are resized. It is
// the zero PID while that partition restarts and when there are no partitions. Keys are hashed with FNV-1a.
func (p *Partitioned) For(key string) actor.PID {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	n := uint64(p.v.partitions.Load())
	if n == 0 {
		return actor.PID{}
	}
	h ^= h >> 32 // the low bits of FNV-1a are weak
	return p.at(int(h % n))
}

// At is the process of partition |i| modulo the number of partitions; as For otherwise.
func (p *Partitioned) At(i int) actor.PID {
	n := int(p.v.partitions.Load())
	if n == 0 {
		return actor.PID{}
	}
	if i %= n; i < 0 {
		i = -i
	}
	return p.at(i)
}

func (p *Partitioned) at(i int) actor.PID {
	id := strconv.Itoa(i)
	info, _ := p.v.child(func(t *table[actor.PID]) *entry[actor.PID] { return t.byID[id] })
	return info.PID
}

// Resize uses the first n partitions only and gives the number used before. Those not used any more are stopped, in
// reverse order; those used again are started afresh. n is from 0 to the number of partitions there were at the start.
// Keys move to other partitions; what the stopped processes knew is gone. Only one Resize at a time may run.
func (p *Partitioned) Resize(ctx context.Context, n int) (old int, err error) {
	old = p.Partitions()
	if most := p.v.count().Specs; n < 0 || n > most {
		return old, fmt.Errorf("supervision: Resize to %d partitions: must be from 0 to %d, the number at the start", n, most)
	}
	for i := old; i < n; i++ {
		if _, err = p.v.ask(ctx, call{kind: callRestart, id: strconv.Itoa(i)}); err != nil && !errors.Is(err, ErrRunning) {
			return old, err
		}
		p.v.partitions.Store(int64(i + 1))
	}
	for i := old - 1; i >= n; i-- {
		p.v.partitions.Store(int64(i))
		if _, err = p.v.ask(ctx, call{kind: callTerminate, id: strconv.Itoa(i)}); err != nil {
			return old, err
		}
	}
	return old, nil
}

// Children describes the partitions, in order, used or not; the ID is the number.
func (p *Partitioned) Children() []ChildInfo { return p.v.children() }

// Count counts the partitions; Active are those that run.
func (p *Partitioned) Count() Counts { return p.v.count() }

// Stop is as [Supervisor.Stop].
func (p *Partitioned) Stop(ctx context.Context) error { return p.v.stop(ctx) }
