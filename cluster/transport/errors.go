package transport

import (
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Why a session or a transport does not take a record.
var (
	// ErrFull: the lane's bound is reached; nothing was taken. [Session.Wait] waits for room.
	ErrFull = errors.New("transport: the lane is full")
	// ErrTooLarge: the record is longer than Limits.Message.
	ErrTooLarge = errors.New("transport: the record is longer than Limits.Message")
	// ErrDown: the session has ended, or is about to.
	ErrDown = errors.New("transport: the session is down")
	// ErrLane: there is no lane of that number.
	ErrLane = errors.New("transport: no such lane; name it in Config.Lanes")
	// ErrClosed: the transport is closed.
	ErrClosed = errors.New("transport: closed")
)

// Why a session ended: what [Handler.Down] gets wraps one of these, or is what [Transport.End] was given.
var (
	// ErrUnreachable: not connected within Timing.Connect. It wraps what the last attempt ended with.
	ErrUnreachable = errors.New("transport: the node cannot be reached")
	// ErrResume: the connection was lost and not found again within Timing.Resume.
	ErrResume = errors.New("transport: the connection was lost for too long")
	// ErrUnknownSession: the peer has ended this session, or forgotten it.
	ErrUnknownSession = errors.New("transport: the peer does not know this session any more")
	// ErrIncarnation: the node was started anew.
	ErrIncarnation = errors.New("transport: the node was started anew")
	// ErrOverflow: twice the lane's bound was reached by [Session.SendAlways].
	ErrOverflow = errors.New("transport: more waits for the peer than may")
	// ErrGoodbye: the peer has closed its transport and is gone.
	ErrGoodbye    = errors.New("transport: the peer said goodbye")
	errReaderGone = errors.New("transport: Handler.Record ended its goroutine")
	// ErrMalformed: the peer sent what no transport sends.
	ErrMalformed = errors.New("transport: malformed frame")
)

// Why a handshake was refused: [RefusedError] wraps one of these.
var (
	// ErrMagic: the other side does not speak this protocol.
	ErrMagic = errors.New("what answers speaks another protocol")
	// ErrVersion: the other side speaks another version of the framing.
	ErrVersion = errors.New("the version of the framing is another")
	// ErrCluster: the node belongs to a cluster of another name.
	ErrCluster = errors.New("the cluster's name is another")
	// ErrProtocol: the ranges of protocol versions do not meet.
	ErrProtocol = errors.New("no common protocol version")
	// ErrFact: a fact that must be equal at both ends is not.
	ErrFact = errors.New("a setting that must be equal everywhere differs")
	// ErrCheck: Config.Check refused the node.
	ErrCheck = errors.New("refused by the check")
	// ErrClock: the node's clock is further ahead than Config.MaxClockOffset.
	ErrClock = errors.New("the clock is too far ahead")
	// ErrSelf: the node that answers is this one.
	ErrSelf = errors.New("this is the node itself")
	// ErrWrongNode: another node, or another incarnation, answers than was dialled. RefusedError.Peer is who.
	ErrWrongNode = errors.New("another node answers at this address")
	// ErrOldIncarnation: a later life of the node has a session already.
	ErrOldIncarnation = errors.New("a later life of the node is known")
	// ErrHello: the hello is not readable, or larger than Limits.Hello.
	ErrHello = errors.New("the hello is malformed or too large")
	// ErrPlain: one side speaks TLS and the other does not.
	ErrPlain = errors.New("one side uses TLS and the other does not")
	// ErrNoCertificate: the node shows no certificate.
	ErrNoCertificate = errors.New("no certificate was shown")
	// ErrCertificate: the certificate is not signed by a known authority, or not valid for another reason.
	ErrCertificate = errors.New("the certificate is not trusted")
	// ErrExpired: the certificate is not valid yet, or not any more.
	ErrExpired = errors.New("the certificate has expired or is not valid yet")
	// ErrCertificateName: the certificate does not name the node.
	ErrCertificateName = errors.New("the certificate names another node")

	// The rest of the refusals pass: who is refused tries again.
	errCrossed = errors.New("both sides dialled at once")
	errBusy    = errors.New("an earlier connection or session is still being swept")
)

// refusals are the codes on the wire: the position. New ones go to the end.
var refusals = []error{nil, ErrMagic, ErrVersion, ErrCluster, ErrProtocol, ErrFact, ErrCheck, ErrClock, ErrSelf, ErrWrongNode,
	ErrOldIncarnation, ErrHello, ErrPlain, ErrNoCertificate, ErrCertificate, ErrExpired, ErrCertificateName, ErrUnknownSession,
	ErrClosed, errCrossed, errBusy}

// RefusedError says why two nodes do not talk. Both ends get one.
type RefusedError struct {
	Reason error     // one of the errors above
	Detail string    // more, for people
	Addr   string    // of the other end, as seen from here
	Peer   nodeid.ID // the other end, as far as it is known
	Remote bool      // the other end refused

	// Fact and the values that refuser and refused have of it, if Reason is ErrFact.
	Fact, Refuser, Refused string
	// Meta is what the error of Config.Check carried: see [RefusalMeta].
	Meta []byte
}

// RefusalMeta is implemented by errors of Config.Check that have something to tell the refused node's program. At most 4 KiB.
type RefusalMeta interface{ RefusalMeta() []byte }

func (e *RefusedError) Error() string {
	who := e.Addr
	if !e.Peer.IsZero() {
		who = e.Peer.String() + " at " + e.Addr
	}
	text := "transport: " + who + " is refused: "
	if e.Remote {
		text = "transport: refused by " + who + ": "
	}
	text += e.Reason.Error()
	if e.Reason == ErrFact {
		text += fmt.Sprintf(": %s is %q at the refusing and %q at the refused node", e.Fact, e.Refuser, e.Refused)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap is the reason.
func (e *RefusedError) Unwrap() error { return e.Reason }

// refuse makes an error of a reason and a detail.
func refuse(reason error, format string, args ...any) *RefusedError {
	return &RefusedError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// passing reports whether the refused side should try again, and nobody needs to hear of it.
func (e *RefusedError) passing() bool { return e.Reason == errCrossed || e.Reason == errBusy }
