package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

const (
	// dialTimeout bounds the way from the first packet to the broker's welcome.
	dialTimeout = 10 * time.Second
	// leaveMillis is how long a goodbye may take.
	leaveMillis = 250
	// subscriptionRefused is what a broker answers instead of a QoS (MQTT 3.1.1, 3.9.3).
	subscriptionRefused = 0x80
)

// Publish sends one message to a printer's request topic, as slicers do. It
// returns when the broker has taken it; what the printer says shows in Watch.
// After an error it may have arrived or not; it is never sent twice.
func (c *Client) Publish(ctx context.Context, serial string, message json.RawMessage) error {
	link, err := c.dial(ctx, func(error) {})
	if err != nil {
		return err
	}
	defer link.Disconnect(leaveMillis)
	return wait(ctx, link.Publish(requestTopic(serial), 1, false, []byte(message)))
}

func requestTopic(serial string) string { return "device/" + serial + "/request" }
func reportTopic(serial string) string  { return "device/" + serial + "/report" }

// dial connects to the broker as the account. Sessions are clean and a link that
// breaks stays broken, so that nothing is ever sent again by itself: a command
// twice is worse than none. lost is told at most once, and not after Disconnect.
func (c *Client) dial(ctx context.Context, lost func(error)) (mqtt.Client, error) {
	broker, err := c.Broker()
	if err != nil {
		return nil, err
	}
	uid, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: c.tls}
	release := func() bool { return true }
	o := mqtt.NewClientOptions().AddBroker("ssl://" + broker).
		SetClientID("grove-" + rand.Text()[:12]).SetUsername(fmt.Sprintf("u_%d", uid)).SetPassword(string(c.token)).
		SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectTimeout(dialTimeout).
		SetKeepAlive(30 * time.Second).SetOrderMatters(true).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { lost(err) }).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", broker)
			if err == nil { // a caller that gives up need not wait for the welcome
				release = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		})
	link := mqtt.NewClient(o)
	welcome := link.Connect()
	<-welcome.Done() // within dialTimeout, or when ctx ends
	release()
	if err := welcome.Error(); err != nil {
		return nil, dialError(ctx, broker, err)
	}
	return link, nil
}

// dialError names why there is no link.
func dialError(ctx context.Context, broker string, err error) error {
	switch {
	case ctx.Err() != nil:
		return canceled(ctx, "")
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return &Error{Name: ErrBadRequest, Err: &grove.Error{
			Code: grove.Unauthenticated, Reason: grove.ReasonTokenInvalid, Err: err,
			Message: "the MQTT broker " + broker + " does not take this token; log in again",
		}}
	}
	return &Error{Name: ErrNetwork, Err: &grove.Error{
		Code: grove.Unavailable, Reason: "network", Err: err,
		Message: "no link to the MQTT broker " + broker + "; is the server running, the address right, its CA trusted?",
	}}
}

// wait waits until the broker has taken a packet.
func wait(ctx context.Context, t mqtt.Token) error {
	select {
	case <-ctx.Done():
		return canceled(ctx, "")
	case <-t.Done():
	}
	if err := t.Error(); err != nil {
		return &Error{Name: ErrNetwork, Err: &grove.Error{
			Code: grove.Unavailable, Reason: "network", Err: err,
			Message: "the link to the MQTT broker broke; the message may have arrived or not",
		}}
	}
	return nil
}
