package broker

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

// notes collects a log.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// bytesOf is how a log shows bytes.
func bytesOf(text string) string { return strings.Trim(fmt.Sprintf("%d", []byte(text)), "[]") }

// Whatever goes wrong in a conversation, what was said in it does not get into
// the log: a packet holds passwords, and a stranger chooses its every byte.
func TestNoPacketGetsIntoTheLog(t *testing.T) {
	t.Parallel()
	const said = "hunter2-said-by-the-client"
	for name, talk := range map[string]func(w *wire){
		"a wrong password": func(w *wire) {
			w.connect(connect{user: said, password: said, id: said})
		},
		"a first packet that is none": func(w *wire) { w.send(publishing(said, said, 0, 0)) },
		"a broken CONNECT": func(w *wire) {
			raw := w.encoded(w.hello(connect{user: said, password: said, id: said}))
			raw[8] = 99 // the protocol's version
			_, _ = w.conn.Write(raw)
		},
		"a will": func(w *wire) {
			w.connect(connect{user: said, password: said, id: said, change: func(pk *packets.Packet) {
				pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload = true, "#"+said, []byte(said)
			}})
		},
		"signing in twice": func(w *wire) {
			again := connect{user: "u_1", id: said, change: func(pk *packets.Packet) { pk.Connect.Password = []byte("right") }}
			w.connect(again)
			again.change = func(pk *packets.Packet) { pk.Connect.Password = []byte(said) }
			w.send(w.hello(again))
		},
		"publishing to a filter": func(w *wire) {
			w.connect(connect{user: "u_1"})
			w.send(publishing("+/"+said, said, 1, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log notes
			r := start(t, func(c *Config) {
				c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))
			})
			w := r.dial(t, clientTLS(""))
			talk(w)
			w.closed()
			r.stop() // so that all is logged
			text := log.String()
			for _, form := range []string{said, bytesOf(said), base64.StdEncoding.EncodeToString([]byte(said))} {
				if strings.Contains(text, form) {
					t.Errorf("%q is in the log: %s", form, text)
				}
			}
		})
	}
}
