package membership

import (
	"log"
	"log/slog"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// verdict is what a line of memberlist's log means to us.
type verdict struct {
	part   string // of the text
	reason error  // nil: nothing to reject
	silent bool   // it was reported elsewhere, where more is known
}

// verdicts are looked through in order. The texts are those of the version in go.mod; a test sends what causes each.
var verdicts = []verdict{
	// A stream that broke in the middle is the network's doing. A truncated one looks the same.
	{part: "i/o timeout", silent: false}, {part: "connection reset"}, {part: "use of closed", silent: true}, {part: "broken pipe"},
	{part: "ignoring alive message for", silent: true}, {part: "Conflicting address for", silent: true},
	{part: ErrOversize.Error(), silent: true},
	{part: "unacceptable label", reason: ErrCluster},
	{part: "no installed keys could decrypt", reason: ErrKey},
	{part: "Decrypt packet failed", reason: ErrKey},
	{part: "remote state is not encrypted", reason: ErrKey},
	{part: "encryption is not configured", reason: ErrKey},
	{part: "protocol version", reason: ErrVersion}, {part: "Vsn is not present", reason: ErrVersion},
	{part: "larger than limit", reason: ErrOversize}, {part: "exceeds limit", reason: ErrOversize},
	{part: "Too many pending", reason: ErrOverload}, {part: "handler queue full", reason: ErrOverload},
	{part: "Failed to decode", reason: ErrGarbage}, {part: "not supported", reason: ErrGarbage},
	{part: "invalid msgType", reason: ErrGarbage}, {part: "missing message type", reason: ErrGarbage},
	{part: "Failed to decompress", reason: ErrGarbage}, {part: "invalid checksum", reason: ErrGarbage},
	{part: "stream label header", reason: ErrGarbage}, {part: "truncated messages", reason: ErrGarbage},
	{part: "failed to receive:", reason: ErrGarbage}, {part: "Failed to read remote state", reason: ErrGarbage},
	{part: "Failed to receive user message", reason: ErrGarbage},
}

// logLine is one line of memberlist, taken apart.
type logLine struct {
	level slog.Level
	text  string
	from  string // address of the sender, if it is named
}

// parseLog takes a line apart: [LEVEL] memberlist: text from=address
func parseLog(line string) logLine {
	l := logLine{level: slog.LevelError, text: strings.TrimSpace(line)}
	for _, p := range []struct {
		prefix string
		level  slog.Level
	}{
		{"[DEBUG]", slog.LevelDebug}, {"[INFO]", slog.LevelInfo}, {"[WARN]", slog.LevelWarn},
		{"[ERROR]", slog.LevelError}, {"[ERR]", slog.LevelError},
	} {
		if rest, ok := strings.CutPrefix(l.text, p.prefix); ok {
			l.level, l.text = p.level, strings.TrimSpace(rest)
			break
		}
	}
	l.text = strings.TrimPrefix(l.text, "memberlist: ")
	if i := strings.LastIndex(l.text, "from="); i >= 0 {
		l.from = strings.TrimSpace(l.text[i+len("from="):])
		l.text = strings.TrimRight(l.text[:i], ": ")
	}
	return l
}

// judge finds the verdict over a line; ok is false if there is none. Only complaints are judged.
func judge(l logLine) (v verdict, ok bool) {
	if l.level < slog.LevelWarn {
		return v, false
	}
	for _, v := range verdicts {
		if strings.Contains(l.text, v.part) {
			return v, true
		}
	}
	return v, false
}

// logWriter takes memberlist's log. Lines may come from under its locks, so they are only put aside.
type logWriter struct{ m *Members }

func (w logWriter) Write(b []byte) (int, error) {
	l := parseLog(string(b))
	v, ok := judge(l)
	switch {
	case ok && v.reason != nil:
		w.m.reject(v.reason, nodeid.ID{}, l.from, l.text)
	case ok && v.silent:
	default:
		level := l.level
		if ok || level == slog.LevelError { // the other side's or the network's fault, and it is tried again
			level = slog.LevelWarn
		}
		w.m.log(level, l.text, slog.String("from", l.from))
	}
	return len(b), nil
}

func newLogger(m *Members) *log.Logger { return log.New(logWriter{m}, "", 0) }

// log puts a line aside for the logger.
func (m *Members) log(level slog.Level, text string, attrs ...slog.Attr) {
	r := slog.NewRecord(time.Now(), level, text, 0)
	for _, a := range attrs {
		if a.Value.Kind() != slog.KindString || a.Value.String() != "" {
			r.AddAttrs(a)
		}
	}
	m.out.put(item{log: &r})
}
