package transport_test

import (
	"context"
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/transport"
)

// printer prints what a node hears.
type printer struct{ done chan struct{} }

func (p printer) Up(s *transport.Session) {}

func (p printer) Record(s *transport.Session, lane transport.Lane, rec []byte) {
	fmt.Printf("%s from %s\n", rec, s.ID().Name)
	close(p.done)
}

func (p printer) Down(s *transport.Session, why error, lost []transport.Lost) {}

func (p printer) Refused(addr string, peer transport.Hello, err error) {}

func start(name string, p printer) *transport.Transport {
	self := transport.Hello{Cluster: "example", Node: nodeid.ID{Name: name, Incarnation: 1}}
	t, err := transport.Start(transport.Config{Self: func() transport.Hello { return self }, Listen: "127.0.0.1:0"}, p)
	if err != nil {
		panic(err)
	}
	return t
}

func Example() {
	done := make(chan struct{})
	a, b := start("a", printer{}), start("b", printer{done})
	ctx := context.Background()
	s, err := a.Connect(ctx, b.Addr())
	if err != nil {
		panic(err)
	}
	if err := s.Send(transport.Default, []byte("hello"), false); err != nil {
		panic(err)
	}
	<-done
	a.Close(ctx)
	b.Close(ctx)
	// Output: hello from a
}
