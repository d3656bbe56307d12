package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
)

// Watch gives a printer's live state each time the printer reports, from the
// first full report on, and when it goes offline, until ctx ends or the loop is
// left. A link that breaks is made again; what refuses (the token, the printer)
// ends the loop with an error, as does a first link that can't be made. When ctx
// ends the loop ends without one. A slow reader is given the newest state, never
// an old one.
func (c *Client) Watch(ctx context.Context, serial string) iter.Seq2[grove.Live, error] {
	return func(yield func(grove.Live, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		w := newWatcher(serial)
		ended := make(chan error, 1)
		var link sync.WaitGroup
		defer link.Wait() // nothing is left behind
		defer cancel()
		link.Go(func() { ended <- c.follow(ctx, w) })
		for {
			select {
			case err := <-ended:
				if err != nil {
					yield(grove.Live{}, err)
				}
				return
			case <-w.news:
				if live, ready := w.live(); ready && !yield(live, nil) {
					return
				}
			}
		}
	}
}

// Pauses between two links: doubled from the least to the most, and the least
// again after a link that lasted longer than the most.
const (
	leastPause = time.Second
	mostPause  = 30 * time.Second
)

// follow keeps a link up until ctx ends, which is no error, or somebody refuses.
func (c *Client) follow(ctx context.Context, w *watcher) error {
	rest := leastPause
	up, broken := false, false
	back := func() {
		if broken {
			c.linked(nil)
		}
		up, broken = true, false
	}
	for {
		began := time.Now()
		err := c.visit(ctx, w, back)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the caller has enough, whatever broke at that
		}
		if !up || !passes(err) {
			return err
		}
		if !broken {
			c.linked(err)
		}
		broken = true
		if time.Since(began) > mostPause {
			rest = leastPause
		}
		if !pause(ctx, rest/2+rand.N(rest/2)) { //nolint:gosec // G404: nobody gains by guessing it
			return nil
		}
		rest = min(2*rest, mostPause)
	}
}

// passes reports whether what refused may not refuse for long.
func passes(err error) bool {
	return errors.Is(err, grove.Unavailable) || errors.Is(err, grove.Limited)
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// visit is one link from its beginning to its end. It calls up once there are
// reports to come.
func (c *Client) visit(ctx context.Context, w *watcher, up func()) error {
	lost := make(chan error, 1)
	link, err := c.dial(ctx, func(err error) { lost <- err })
	if err != nil {
		return err
	}
	defer link.Disconnect(leaveMillis)
	if err := w.subscribe(ctx, link); err != nil {
		return err
	}
	devices, err := c.Devices(ctx)
	if err != nil {
		return err
	}
	if err := w.meet(devices); err != nil {
		return err
	}
	up()
	if err := w.ask(ctx, link); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-lost:
		return &Error{Name: ErrNetwork, Err: &grove.Error{Code: grove.Unavailable, Reason: "network", Err: err, Message: "the link to the MQTT broker broke"}}
	}
}

// watcher merges one printer's reports.
type watcher struct {
	serial string
	news   chan struct{} // holds one: there is something newer

	mu       sync.Mutex
	device   cloudapi.Device
	state    *bambu.State
	complete bool // a full report has come on this link
	at       time.Time
	away     bool
}

func newWatcher(serial string) *watcher {
	return &watcher{serial: serial, state: bambu.NewState(), news: make(chan struct{}, 1)}
}

// subscribe asks for the printer's reports.
func (w *watcher) subscribe(ctx context.Context, link mqtt.Client) error {
	w.mu.Lock()
	w.complete = false // what was missed shows in the next full report
	w.mu.Unlock()
	topic := reportTopic(w.serial)
	asked := link.Subscribe(topic, 0, func(_ mqtt.Client, m mqtt.Message) { w.take(m.Payload()) })
	if err := wait(ctx, asked); err != nil {
		return err
	}
	if s, ok := asked.(*mqtt.SubscribeToken); ok && s.Result()[topic] == subscriptionRefused {
		return noPrinter(w.serial)
	}
	return nil
}

// meet learns what the cloud knows of the printer: above all that it is not
// there, since then nothing will ever be reported.
func (w *watcher) meet(devices []cloudapi.Device) error {
	i := slices.IndexFunc(devices, func(d cloudapi.Device) bool { return d.ID == w.serial })
	if i < 0 {
		return noPrinter(w.serial)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.device = devices[i]
	if !w.complete && !w.device.Online {
		w.away = true
		w.tell()
	}
	return nil
}

func noPrinter(serial string) error {
	return &Error{Name: ErrBadRequest, Err: grove.NoPrinter(serial)}
}

// ask asks the printer for a full report.
func (w *watcher) ask(ctx context.Context, link mqtt.Client) error {
	const everything = `{"pushing":{"command":"pushall","sequence_id":"0","version":1,"push_target":1}}`
	return wait(ctx, link.Publish(requestTopic(w.serial), 0, false, everything))
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
		if errors.Is(err, grove.TooLarge) {
			w.complete = false // the state was dropped
		}
		if err != nil || !report.Merged {
			return
		}
		w.complete = w.complete || report.Full
		w.at, w.away = time.Now().UTC(), false
	}
	w.tell()
}

// tell wakes the reader, who finds the newest state.
func (w *watcher) tell() {
	select {
	case w.news <- struct{}{}:
	default: // already awake
	}
}

// live is the printer as it is now, once there is something to tell: a full
// report, or that it is away.
func (w *watcher) live() (grove.Live, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return grove.Live{
		Printer:   grove.Printer{Serial: w.serial, Name: w.device.Name, Model: w.device.ModelName, Online: !w.away},
		Connected: !w.away, Shadow: w.state.Shadow(), ReportedAt: w.at, Complete: w.complete, Raw: w.state.JSON(),
	}, w.complete || w.away
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
