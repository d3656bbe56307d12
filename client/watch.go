package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Watch gives a printer's live state each time the printer reports, from the
// first full report on, until ctx ends or the loop is left. It reconnects by
// itself; a broker that refuses ends it with an error. A slow reader is given
// the newest state, never an old one.
func (c *Client) Watch(ctx context.Context, serial string) iter.Seq2[grove.Live, error] {
	return func(yield func(grove.Live, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w := &watcher{serial: serial, state: bambu.NewState(), news: make(chan struct{}, 1)}
		link, err := c.dial(ctx, w.subscribe)
		if err != nil {
			yield(grove.Live{}, err)
			return
		}
		defer link.Disconnect(250)
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.news:
				live, ready := w.live()
				if ready && !yield(live, nil) {
					return
				}
			}
		}
	}
}

// Publish sends one message to a printer's request topic, as slicers do. It
// returns when the broker has taken it; what the printer says shows in Watch.
func (c *Client) Publish(ctx context.Context, serial string, message json.RawMessage) error {
	link, err := c.dial(ctx, func(mqtt.Client) {})
	if err != nil {
		return err
	}
	defer link.Disconnect(250)
	return wait(ctx, link.Publish(requestTopic(serial), 1, false, []byte(message)))
}

func requestTopic(serial string) string { return "device/" + serial + "/request" }
func reportTopic(serial string) string  { return "device/" + serial + "/report" }

// dial connects to the broker as the account. Sessions are clean and nothing is
// ever sent again after a reconnect: a command twice is worse than none.
func (c *Client) dial(ctx context.Context, connected mqtt.OnConnectHandler) (mqtt.Client, error) {
	broker, err := c.Broker()
	if err != nil {
		return nil, err
	}
	if c.uid == 0 {
		who, err := c.Preference(ctx)
		if err != nil {
			return nil, err
		}
		c.uid = who.UID
	}
	o := mqtt.NewClientOptions().AddBroker("ssl://" + broker).SetTLSConfig(c.tls.Clone()).
		SetClientID("grove-" + rand.Text()[:12]).SetUsername(fmt.Sprintf("u_%d", c.uid)).SetPassword(string(c.token)).
		SetProtocolVersion(4).SetCleanSession(true).SetResumeSubs(false).SetKeepAlive(30 * time.Second).
		SetConnectTimeout(10 * time.Second).SetAutoReconnect(true).SetMaxReconnectInterval(30 * time.Second).
		SetOrderMatters(true).SetOnConnectHandler(connected)
	link := mqtt.NewClient(o)
	if err := wait(ctx, link.Connect()); err != nil {
		link.Disconnect(0)
		return nil, err
	}
	return link, nil
}

// wait waits for the broker's answer.
func wait(ctx context.Context, t mqtt.Token) error {
	select {
	case <-ctx.Done():
		return &Error{Name: ErrCanceled, Err: ctx.Err()}
	case <-t.Done():
	}
	err := t.Error()
	if err == nil {
		return nil
	}
	cause := &grove.Error{Code: grove.Unavailable, Reason: "network", Err: err, Message: "the MQTT broker can't be reached or its CA is not trusted"}
	if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
		cause = &grove.Error{Code: grove.Unauthenticated, Reason: grove.ReasonTokenInvalid, Err: err, Message: "the MQTT broker does not take this token; log in again"}
	}
	return &Error{Name: ErrNetwork, Err: cause}
}

// watcher merges one printer's reports.
type watcher struct {
	serial string
	news   chan struct{}

	mu       sync.Mutex
	state    *bambu.State
	complete bool
	at       time.Time
	away     bool
}

// subscribe asks for reports and for a full one, at every connect.
func (w *watcher) subscribe(link mqtt.Client) {
	link.Subscribe(reportTopic(w.serial), 0, func(_ mqtt.Client, m mqtt.Message) { w.take(m.Payload()) })
	link.Publish(requestTopic(w.serial), 0, false, []byte(`{"pushing":{"command":"pushall","sequence_id":"0","version":1,"push_target":1}}`))
}

// take merges a report. What can't be read is left out, as it may be another
// client's business.
func (w *watcher) take(payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch presence(payload) {
	case "client.connected":
		w.away = false
	case "client.disconnected":
		w.away = true
	default:
		report, err := w.state.Merge(payload)
		if err != nil || !report.Merged {
			return
		}
		w.complete = w.complete || report.Full
		w.at, w.away = time.Now().UTC(), false
	}
	select {
	case w.news <- struct{}{}:
	default: // already awake
	}
}

func (w *watcher) live() (grove.Live, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return grove.Live{
		Printer: grove.Printer{Serial: w.serial, Online: !w.away}, Connected: !w.away,
		Shadow: w.state.Shadow(), ReportedAt: w.at, Complete: w.complete, Raw: w.state.JSON(),
	}, w.complete
}

// presence reads the cloud's own events on the report topic.
func presence(payload []byte) string {
	var m struct {
		Event struct {
			Event string `json:"event"`
		} `json:"event"`
	}
	if json.Unmarshal(payload, &m) != nil {
		return ""
	}
	return m.Event.Event
}
