package membership

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Reasons of a rejection. Ask for them with errors.Is, of [Event].Err and of the error of [Members.Join].
var (
	// ErrCluster: the other is a node of another cluster. Give both the same Cluster, or leave it alone.
	ErrCluster = errors.New("another cluster")
	// ErrKey: it has none of our keys, or does not encrypt. Compare the keys, the order of a rotation too.
	ErrKey = errors.New("no common key")
	// ErrGarbage: the bytes mean nothing. Something else is speaking to this port.
	ErrGarbage = errors.New("garbage")
	// ErrOversize: a packet or a stream is larger than any of ours.
	ErrOversize = errors.New("too large")
	// ErrOverload: there was no room for it. It will come again.
	ErrOverload = errors.New("too much at once")
	// ErrNode: what the node says of itself cannot be right: its name, its address or its metadata.
	ErrNode = errors.New("no valid node")
	// ErrVersion: it speaks another version of the protocol.
	ErrVersion = errors.New("another protocol version")
	// ErrDenied: [Config].Check refused it.
	ErrDenied = errors.New("denied")
	// ErrHungUp: the other side closed the stream without a word. It refuses us, most likely because it is of another
	// cluster, or it was just ending. Only Join says so.
	ErrHungUp = errors.New("hung up without an answer: the cluster names differ, or it is ending")
)

// reasons is the order of the counters.
var reasons = [...]error{ErrCluster, ErrKey, ErrGarbage, ErrOversize, ErrOverload, ErrNode, ErrVersion, ErrDenied}

// RejectedError says why somebody was refused.
type RejectedError struct {
	// Reason is one of the errors above.
	Reason error
	// Detail is what there is to say beyond it.
	Detail string
	// Count is how many of this reason from this host were refused since the last report.
	Count uint64
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("cluster/membership: rejected: %v: %s (%d times)", e.Reason, e.Detail, e.Count)
}

func (e *RejectedError) Unwrap() error { return e.Reason }

const (
	// reportEvery is the shortest time between two reports about one reason and host.
	reportEvery = 10 * time.Second
	// maxReported is how many pairs of reason and host are remembered. Others are only counted until one is old.
	maxReported = 256
)

// rejections counts all and lets few be reported.
type rejections struct {
	mu     sync.Mutex // protects the fields below
	counts [len(reasons)]uint64
	seen   map[rejectKey]*rejectSeen
}

type rejectKey struct {
	reason int
	host   string
}

type rejectSeen struct {
	last  time.Time
	count uint64
}

// add counts one, and returns what is to be reported, or nil.
func (r *rejections) add(now time.Time, reason error, addr, detail string) *RejectedError {
	i := 0
	for i < len(reasons)-1 && reasons[i] != reason {
		i++
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	k := rejectKey{i, host}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[i]++
	s := r.seen[k]
	if s == nil {
		if len(r.seen) >= maxReported {
			for old, v := range r.seen {
				if now.Sub(v.last) >= reportEvery {
					delete(r.seen, old)
				}
			}
		}
		if len(r.seen) >= maxReported {
			return nil
		}
		if r.seen == nil {
			r.seen = map[rejectKey]*rejectSeen{}
		}
		s = &rejectSeen{last: now.Add(-reportEvery)}
		r.seen[k] = s
	}
	s.count++
	if now.Sub(s.last) < reportEvery {
		return nil
	}
	n := s.count
	s.last, s.count = now, 0
	return &RejectedError{Reason: reason, Detail: detail, Count: n}
}

// total returns the counters by the text of the reason, those above zero.
func (r *rejections) total() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]uint64{}
	for i, n := range r.counts {
		if n > 0 {
			out[reasons[i].Error()] = n
		}
	}
	return out
}

// reject counts and reports.
func (m *Members) reject(reason error, id nodeid.ID, addr, detail string) {
	if e := m.rejected.add(time.Now(), reason, addr, detail); e != nil {
		m.out.put(item{event: Event{Kind: Rejected, ID: id, Addr: addr, Err: e}})
	}
}

// joinError adds to an error of memberlist's Join what it means.
func joinError(addr string, err error) error {
	// It is a list of one, over several lines.
	text := strings.TrimSpace(err.Error())
	if _, rest, ok := strings.Cut(text, "failed to join "+addr+": "); ok {
		text = rest
	}
	for _, c := range []struct {
		part   string
		reason error
	}{
		{"no installed keys could decrypt", ErrKey}, {"encryption is not configured", ErrKey},
		{"remote state is not encrypted", ErrKey}, {"is incompatible", ErrVersion}, {ErrOversize.Error(), ErrOversize},
		{"EOF", ErrHungUp}, {"connection reset", ErrHungUp}, {"remote error", ErrGarbage}, {"invalid msgType", ErrGarbage},
		{"decode error", ErrGarbage},
	} {
		if strings.Contains(text, c.part) {
			return fmt.Errorf("cluster/membership: join %s: %w (%s)", addr, c.reason, text)
		}
	}
	return fmt.Errorf("cluster/membership: join %s: %s", addr, text)
}
