package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"
)

// paho connects with the client library that printers of this house use.
func (r *rig) paho(t *testing.T, user, id string) paho.Client {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().
		AddBroker("ssl://" + r.addr).
		SetTLSConfig(clientTLS("")).
		SetUsername(user).SetPassword("right").SetClientID(id).
		SetCleanSession(true).SetAutoReconnect(false).SetKeepAlive(5 * time.Second))
	done(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func done(t *testing.T, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) {
		t.Fatal("no answer")
	}
	if token.Error() != nil {
		t.Fatal(token.Error())
	}
}

func TestACommonClientLibraryIsServed(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	said := make(chan string, 100)
	hear := func(_ paho.Client, m paho.Message) { said <- m.Topic() + " " + string(m.Payload()) }
	next := func() string {
		select {
		case s := <-said:
			return s
		case <-time.After(patience):
			t.Fatal("nothing was said")
			return ""
		}
	}
	printer, user := r.paho(t, "A1", "A1"), r.paho(t, "u_1", "user")
	done(t, printer.Subscribe(requestA1, 1, hear))
	done(t, user.Subscribe(reportA1, 1, hear))
	r.request = func(_ context.Context, a asked) {
		if err := r.link(t).Send([]byte(a.payload), soon(), func() {}); err != nil {
			t.Error(err)
		}
	}
	var got, want []string
	for qos := range byte(3) {
		done(t, user.Publish(requestA1, qos, false, fmt.Sprint("do ", qos)))
		got = append(got, next())
		done(t, printer.Publish(reportA1, qos, false, fmt.Sprint("did ", qos)))
		got = append(got, next())
		want = append(want, fmt.Sprintf("%s do %d", requestA1, qos), fmt.Sprintf("%s did %d", reportA1, qos))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	printer.Disconnect(100)
	r.wantTrail(t, "+A1", "-A1 normal")
}

func TestACommonClientLibraryHearsOfRefusal(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	c := paho.NewClient(paho.NewClientOptions().AddBroker("ssl://" + r.addr).SetTLSConfig(clientTLS("")).SetUsername("u_1").SetPassword("wrong"))
	token := c.Connect()
	if !token.WaitTimeout(patience) || token.Error() == nil {
		t.Errorf("connecting with a wrong password gave %v", token.Error())
	}
}
