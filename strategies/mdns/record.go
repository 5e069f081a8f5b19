package mdns

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/foundation-runtime/foundation/strategies"
)

// A record is text of a service: "c=" a mark of the cluster, "d0=", "d1=", … the name and address of the node, "t=" the
// tag over them and the instance. Values are base64, because DNS libraries escape what is not plain ASCII.
const (
	markKey    = "c="
	tagKey     = "t="
	chunkBytes = 200
	maxChunks  = 4
)

var (
	errForeign = errors.New("not of this cluster")
	errTag     = errors.New("its tag is wrong: its node has another Secret, or it is forged")
	errRecord  = errors.New("its record is malformed")
)

// tagger makes and checks records of one cluster.
type tagger struct {
	mark string
	key  []byte
}

func newTagger(secret []byte, cluster string) (*tagger, error) {
	key, err := hkdf.Key(sha256.New, secret, []byte("foundation mdns 1"), cluster, sha256.Size)
	mark := sha256.Sum256([]byte("foundation cluster " + cluster))
	return &tagger{mark: encode(mark[:8]), key: key}, err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (t *tagger) tag(instance, data string) string {
	h := hmac.New(sha256.New, t.key)
	fmt.Fprintf(h, "%d %s %s", len(instance), instance, data)
	return encode(h.Sum(nil))
}

// write makes the text that announces self under the name instance.
func (t *tagger) write(instance string, self strategies.Peer) []string {
	data := encode([]byte(self.String()))
	text := []string{markKey + t.mark, tagKey + t.tag(instance, data)}
	for i := 0; data != ""; i++ {
		n := min(len(data), chunkBytes)
		text = append(text, fmt.Sprintf("d%d=%s", i, data[:n]))
		data = data[n:]
	}
	return text
}

// read is the inverse of write. Whatever text is, it only returns an error.
func (t *tagger) read(instance string, text []string) (strategies.Peer, error) {
	values := map[string]string{}
	for _, s := range text {
		if i := strings.IndexByte(s, '='); i >= 0 {
			values[s[:i+1]] = s[i+1:]
		}
	}
	if values[markKey] != t.mark {
		return strategies.Peer{}, errForeign
	}
	data := ""
	for i := range maxChunks {
		data += values[fmt.Sprintf("d%d=", i)]
	}
	if !hmac.Equal([]byte(values[tagKey]), []byte(t.tag(instance, data))) {
		return strategies.Peer{}, errTag
	}
	plain, err := base64.RawURLEncoding.DecodeString(data)
	if err != nil {
		return strategies.Peer{}, errRecord
	}
	p, err := strategies.ParsePeer(string(plain))
	if err != nil {
		return strategies.Peer{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return p, nil
}
