package gossip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

// A datagram is: magic (4 bytes), tag of the cluster (8), nonce (12), sealed message with its check (16 more). The first
// two are checked with it. All numbers are big-endian.
const (
	magic       = "FGo\x01" // the last byte is the version
	tagBytes    = 8
	headerBytes = len(magic) + tagBytes
	maxBytes    = 1024
)

// kind says what a message is about.
type kind byte

const (
	hello   kind = 1 // I am here, who else?
	here    kind = 2 // I am here
	goodbye kind = 3
)

// message is what a node says. A node that only watches has no address.
type message struct {
	kind   kind
	sender [16]byte // drawn at each start
	seq    uint64   // grows with every message of a sender
	sent   time.Time
	peer   strategies.Peer
}

// sealer turns messages into datagrams of one cluster and back.
type sealer struct {
	header [headerBytes]byte
	aead   cipher.AEAD // draws its nonces itself
}

var (
	errForeign = errors.New("not of this cluster")
	errSealed  = errors.New("it does not open: its sender has another Secret, or none")
	errFormat  = errors.New("its content is malformed")
)

func newSealer(secret []byte, cluster string) (*sealer, error) {
	key, err := hkdf.Key(sha256.New, secret, []byte("foundation gossip 1"), cluster, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s := &sealer{}
	if s.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte("foundation cluster " + cluster))
	copy(s.header[:], magic)
	copy(s.header[len(magic):], sum[:tagBytes])
	return s, nil
}

func (s *sealer) seal(m message) []byte {
	var plain []byte
	plain = append(plain, byte(m.kind))
	plain = append(plain, m.sender[:]...)
	plain = binary.BigEndian.AppendUint64(plain, m.seq)
	plain = binary.BigEndian.AppendUint64(plain, uint64(m.sent.UnixMilli()))
	plain = appendString(plain, m.peer.Name)
	plain = appendString(plain, m.peer.Addr)
	return s.aead.Seal(s.header[:], nil, plain, s.header[:])
}

// open reads a datagram. Whatever the bytes are, it only returns an error.
func (s *sealer) open(data []byte) (message, error) {
	if len(data) > maxBytes || len(data) < headerBytes || string(data[:headerBytes]) != string(s.header[:]) {
		return message{}, errForeign
	}
	plain, err := s.aead.Open(nil, nil, data[headerBytes:], s.header[:])
	if err != nil {
		return message{}, errSealed
	}
	return decode(plain)
}

func decode(plain []byte) (m message, err error) {
	const fixed = 1 + 16 + 8 + 8
	if len(plain) < fixed {
		return m, errFormat
	}
	m.kind = kind(plain[0])
	copy(m.sender[:], plain[1:])
	m.seq = binary.BigEndian.Uint64(plain[17:])
	m.sent = time.UnixMilli(int64(binary.BigEndian.Uint64(plain[25:])))
	var rest []byte
	if m.peer.Name, rest, err = cutString(plain[fixed:]); err != nil {
		return m, err
	}
	if m.peer.Addr, rest, err = cutString(rest); err != nil {
		return m, err
	}
	if len(rest) != 0 || m.kind < hello || m.kind > goodbye {
		return m, errFormat
	}
	if m.peer.Addr != "" {
		if m.peer, err = m.peer.Check(); err != nil {
			return m, fmt.Errorf("%w: %w", errFormat, err)
		}
	}
	return m, nil
}

// appendString writes a string of up to 65535 bytes.
func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func cutString(b []byte) (s string, rest []byte, err error) {
	if len(b) < 2 {
		return "", nil, errFormat
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b)-2 < n {
		return "", nil, errFormat
	}
	return string(b[2 : 2+n]), b[2+n:], nil
}
