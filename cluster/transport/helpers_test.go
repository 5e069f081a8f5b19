package transport

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// event is what a recorder heard.
type event struct {
	what    string // up, down, refused
	session *Session
	err     error
	lost    []Lost
	peer    Hello
}

// recorder is a Handler that keeps what it hears.
type recorder struct {
	events chan event
	record func(s *Session, lane Lane, rec []byte) // nil: keep in got

	mu  sync.Mutex
	got map[Lane][]string
	new chan struct{} // closed and replaced with each record
}

func newRecorder() *recorder {
	return &recorder{events: make(chan event, 1<<16), got: map[Lane][]string{}, new: make(chan struct{})}
}

func (r *recorder) Up(s *Session) { r.events <- event{what: "up", session: s} }

func (r *recorder) Record(s *Session, lane Lane, rec []byte) {
	if r.record != nil {
		r.record(s, lane, rec)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[lane] = append(r.got[lane], string(rec))
	close(r.new)
	r.new = make(chan struct{})
}

func (r *recorder) Down(s *Session, why error, lost []Lost) {
	r.events <- event{what: "down", session: s, err: why, lost: lost}
}

func (r *recorder) Refused(addr string, peer Hello, err error) {
	r.events <- event{what: "refused", err: err, peer: peer}
}

// next waits for an event of that kind; another one fails the test.
func (r *recorder) next(t *testing.T, what string) event {
	t.Helper()
	select {
	case e := <-r.events:
		if e.what != what {
			t.Fatalf("got %s (%v), want %s", e.what, e.err, what)
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return event{}
}

// wait waits until n records have come on a lane.
func (r *recorder) wait(t *testing.T, lane Lane, n int) []string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		got, more := r.got[lane], r.new
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%d of %d records on lane %d", len(got), n, lane)
		}
	}
}

// none fails if anything was heard.
func (r *recorder) none(t *testing.T) {
	t.Helper()
	select {
	case e := <-r.events:
		t.Fatalf("got %s (%v)", e.what, e.err)
	default:
	}
}

func testHello(name string, inc nodeid.Incarnation) Hello {
	return Hello{Cluster: "c", Node: nodeid.ID{Name: name, Incarnation: inc}, ProtocolMin: 1, ProtocolMax: 3}
}

// startNode starts a transport that is closed with the test.
func startNode(t testing.TB, name string, h Handler, change ...func(*Config)) *Transport {
	t.Helper()
	cfg := Config{Self: func() Hello { return testHello(name, 1) }, Listen: "127.0.0.1:0"}
	for _, f := range change {
		f(&cfg)
	}
	tr, err := Start(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(tr) })
	return tr
}

// closeNow ends a transport without waiting for anybody.
func closeNow(tr *Transport) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tr.Close(ctx)
}

// pair connects a to b.
func pair(t testing.TB, a, b *Transport) *Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := a.Connect(ctx, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSend(t testing.TB, s *Session, lane Lane, format string, args ...any) {
	t.Helper()
	if err := s.Send(lane, fmt.Appendf(nil, format, args...), false); err != nil {
		t.Fatal(err)
	}
}
