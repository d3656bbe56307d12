package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// request is how a client comes in to MQTT and what it says there.
type request struct {
	step      string
	user      string
	password  string
	id        string
	keepalive time.Duration
	publish   []string          // on the printer's request topic
	wants     map[string]fields // by kind of report, such as print.push_status
	needs     []string
}

// What nearly all clients send once they are in.
const (
	getVersion = `{"info":{"sequence_id":"0","command":"get_version"}}`
	pushAll    = `{"pushing":{"sequence_id":"0","command":"pushall","version":1,"push_target":1}}`
)

// pushed is what clients read of a full report.
var pushed = map[string]fields{"print.push_status": {"print.gcode_state": filled, "print.mc_percent": integer, "print.nozzle_temper": number}}

// reportsWithin is the shortest time that a client gives a printer to answer.
const reportsWithin = 10 * time.Second

// watch comes in as the account's user, asks the printer for everything and reads
// its reports.
func (p *player) watch(r request) {
	if r.user == "" {
		r.user, r.password = "u_"+p.user(), p.bearer()
	}
	if r.wants == nil {
		r.publish, r.wants = []string{pushAll}, pushed
	}
	out := Result{Client: p.client, Step: r.step, Endpoint: report, Status: Skipped}
	if p.cfg.MQTT == "" {
		out.Reason = "no MQTT broker was given with --mqtt"
	} else if out.Reason = first(append(r.needs, unless(p.bearer(), "nobody could sign in"), p.needsPrinter())); out.Reason == "" {
		if _, _, online := p.state(); !online {
			out.Reason = "the printer is offline"
		}
	}
	if out.Reason == "" {
		out.Status = Holds
		if problem := publish(p.suite, r, r.publish...); problem != "" {
			out.Status, out.Got = Fails, problem
			out.Request = fmt.Sprintf("CONNECT as %s, SUBSCRIBE device/%s/report, PUBLISH %s", strings.TrimRight(r.user, "0123456789"), p.printer.serial, strings.Join(r.publish, " "))
			out.Expected = r.expected()
		}
	}
	p.note(out)
}

func (r request) expected() string {
	var all []string
	for kind := range r.wants {
		all = append(all, kind)
	}
	return fmt.Sprintf("reports %s within %s", strings.Join(all, " and "), reportsWithin)
}

// publish comes in, subscribes to the printer's reports, says its messages, waits
// for what is wanted, and leaves. It gives what went wrong.
func publish(s *suite, r request, messages ...string) string {
	if r.id == "" {
		r.id = "conformance-" + random()
	}
	if r.keepalive == 0 {
		r.keepalive = time.Minute
	}
	trust := s.tls.Clone()
	o := mqtt.NewClientOptions().AddBroker("ssl://" + s.cfg.MQTT).SetTLSConfig(trust).SetUsername(r.user).SetPassword(r.password).
		SetClientID(r.id).SetKeepAlive(r.keepalive).SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectTimeout(s.cfg.Patience)
	c := mqtt.NewClient(o)
	if problem := done("connect", c.Connect(), s.cfg.Patience); problem != "" {
		return problem
	}
	defer c.Disconnect(250)
	reports := make(chan []byte, 256)
	take := func(_ mqtt.Client, m mqtt.Message) {
		select {
		case reports <- m.Payload():
		default: // more than anybody could read
		}
	}
	if problem := done("subscribe", c.Subscribe("device/"+s.printer.serial+"/report", 0, take), s.cfg.Patience); problem != "" {
		return problem
	}
	for _, m := range messages {
		if problem := done("publish", c.Publish("device/"+s.printer.serial+"/request", 1, false, m), s.cfg.Patience); problem != "" {
			return problem
		}
	}
	return s.hear(r, reports)
}

func done(what string, t mqtt.Token, most time.Duration) string {
	if !t.WaitTimeout(most) {
		return what + ": no answer"
	}
	if t.Error() != nil {
		return what + ": " + t.Error().Error()
	}
	if sub, ok := t.(*mqtt.SubscribeToken); ok {
		for topic, code := range sub.Result() {
			if code > 2 {
				return "subscribe: " + topic + " is refused"
			}
		}
	}
	return ""
}

// hear waits until each kind of report that is wanted has come once as it must be.
func (s *suite) hear(r request, reports <-chan []byte) string {
	missing := map[string]string{}
	for kind := range r.wants {
		missing[kind] = "no " + kind + " came"
	}
	end := time.NewTimer(reportsWithin)
	defer end.Stop()
	for len(missing) > 0 {
		select {
		case raw := <-reports:
			kind, v := kindOf(raw)
			if _, waited := missing[kind]; !waited {
				continue
			}
			if problem := join(r.wants[kind].look(v).problems); problem != "" {
				missing[kind] = kind + " came: " + problem
			} else {
				delete(missing, kind)
			}
		case <-end.C:
			var all []string
			for _, problem := range missing {
				all = append(all, problem)
			}
			return join(all)
		case <-s.ctx.Done():
			return s.ctx.Err().Error()
		}
	}
	return ""
}

// kindOf is section.command of a report.
func kindOf(raw []byte) (string, any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v map[string]any
	if d.Decode(&v) != nil {
		return "", nil
	}
	for section, inner := range v {
		if command := str(inner, "command"); command != "" {
			return section + "." + command, v
		}
	}
	return "", v
}
