package dns_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/miekg/dns"
)

// server is a DNS server on loopback, over UDP and TCP at one port.
type server struct {
	t         *testing.T
	addr      string
	questions chan struct{} // one for each that came

	mu        sync.Mutex // protects the fields below
	records   []wire.RR
	rcode     int
	failFor   uint16 // type of question that gets a failure
	silent    bool
	asked     []string
	truncated bool // answers over UDP say that they are cut
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, questions: make(chan struct{}, 100_000)}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = tcp.Addr().String()
	udp, err := net.ListenPacket("udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, srv := range []*wire.Server{{Listener: tcp, Handler: s}, {PacketConn: udp, Handler: s}} {
		done, up := make(chan struct{}), make(chan struct{})
		srv.NotifyStartedFunc = func() { close(up) }
		go func() { defer close(done); srv.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { srv.Shutdown(); <-done })
	}
	return s
}

// set changes what the server answers. Records are in the format of zone files.
func (s *server) set(change func(*server), records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcode, s.failFor, s.silent, s.truncated, s.records = 0, 0, false, false, nil
	for _, text := range records {
		rr, err := wire.NewRR(text)
		if err != nil {
			s.t.Fatal(err)
		}
		s.records = append(s.records, rr)
	}
	if change != nil {
		change(s)
	}
}

func (s *server) ServeDNS(w wire.ResponseWriter, question *wire.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	network := w.LocalAddr().Network()
	q := question.Question[0]
	s.asked = append(s.asked, network+" "+wire.TypeToString[q.Qtype])
	select {
	case s.questions <- struct{}{}:
	default:
	}
	if s.silent {
		return
	}
	answer := new(wire.Msg).SetReply(question)
	answer.Rcode, answer.Authoritative = s.rcode, true
	known := false
	for _, rr := range s.records {
		if strings.EqualFold(rr.Header().Name, q.Name) {
			known = true
			if rr.Header().Rrtype == q.Qtype {
				answer.Answer = append(answer.Answer, rr)
			}
		}
	}
	switch {
	case s.failFor == q.Qtype:
		answer.Rcode, answer.Answer = wire.RcodeServerFailure, nil
	case !known && s.rcode == 0:
		answer.Rcode = wire.RcodeNameError
	case s.truncated && network == "udp":
		answer.Truncated, answer.Answer = true, answer.Answer[:1]
	}
	w.WriteMsg(answer)
}

// await waits until n more questions have come.
func (s *server) await(n int) {
	s.t.Helper()
	deadline := time.After(30 * time.Second)
	for range len(s.questions) {
		<-s.questions
	}
	for i := range n {
		select {
		case <-s.questions:
		case <-deadline:
			s.t.Fatalf("%d questions of %d came", i, n)
		}
	}
}
