package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/internal/sim"
)

// topics is what a credential is expected to be granted of a printer's two topics.
type topics struct{ report, request resttest.Verdict }

// expectedTopics is the table of the routes' walk for MQTT, which has one way alone to
// refuse: nothing is Hidden there.
func expectedTopics() map[resttest.Credential]topics {
	const out, no, yes = resttest.NotLetIn, resttest.Forbidden, resttest.Allowed
	return map[resttest.Credential]topics{
		resttest.NoCredential: {out, out}, resttest.Garbage: {out, out}, resttest.GarbageKey: {out, out}, resttest.ExpiredToken: {out, out},
		resttest.EndedSession: {out, out}, resttest.BrowserCookie: {out, out}, resttest.ExpiredKey: {out, out}, resttest.RevokedKey: {out, out}, resttest.DistantKey: {out, out},
		resttest.UnscopedKey: {no, no}, resttest.PrinterlessKey: {no, no},
		resttest.KeyFor(grove.ReadPrinter):    {yes, no},
		resttest.KeyFor(grove.ControlPrinter): {yes, yes},
		resttest.KeyFor(grove.HeatPrinter):    {yes, no}, // what is commanded here is no heat
		resttest.KeyFor(grove.StartPrint):     {yes, yes},
		resttest.KeyFor(grove.SendGcode):      {yes, no},
		resttest.KeyFor(grove.BindPrinter):    {yes, no},
		resttest.KeyFor(grove.SeeCode):        {yes, no},
		resttest.KeyFor(grove.ReachNetwork):   {no, no},
		resttest.KeyFor(grove.ReadFiles):      {no, no},
		resttest.KeyFor(grove.WriteFiles):     {no, no},
		resttest.KeyFor(grove.ReadJobs):       {no, no},
		resttest.KeyFor(grove.WriteJobs):      {no, no},
		resttest.KeyFor(grove.AdminWebhooks):  {no, no},
		resttest.KeyFor(grove.ReadAudit):      {no, no},
		resttest.AccessCode:                   {yes, yes},
		resttest.BridgeKey:                    {out, out},
		resttest.AnotherUser:                  {no, no},
		resttest.AnotherViewer:                {no, no},
		resttest.LookingGuest:                 {yes, no},
		resttest.PrintingGuest:                {yes, yes},
		resttest.RightUser:                    {yes, yes},
	}
}

// TestTopicsAnswerEachCredentialAsExpected goes through who may come in, listen to
// a printer and command it over MQTT: every kind of credential that the routes answer.
func TestTopicsAnswerEachCredentialAsExpected(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	shown, want := h.credentials(), expectedTopics()
	resttest.Answered(t, "what is shown over MQTT", shown)
	resttest.Answered(t, "the table of topics", want)
	shares := map[resttest.Credential]grove.Role{resttest.LookingGuest: grove.Viewer, resttest.PrintingGuest: grove.Operator}
	for _, kind := range resttest.Credentials() {
		if role := shares[kind]; role != "" {
			h.share(role)
		}
		h.tryTopics(string(kind), shown[kind], want[kind])
	}
	h.tryTopics("the right token under another's name", login{shown[resttest.AnotherUser].user, string(h.client.Token())}, topics{resttest.NotLetIn, resttest.NotLetIn})
}

// login is what one shows to the broker.
type login struct{ user, password string }

// credentials has one of every kind. What is refused is shared out among the users:
// a name with five failures is slowed down.
func (h *house) credentials() map[resttest.Credential]login {
	h.t.Helper()
	ctx := h.t.Context()
	named := func(c *client.Client) string { return fmt.Sprintf("u_%d", h.userID(c)) }
	guest := h.guest()
	me, them := named(h.client), named(guest)
	key := func(in cloudapi.KeyRequest) string {
		in.Name = "topics"
		return string(must(h.client.CreateKey(ctx, in))(h.t).Secret)
	}
	all := grove.Scopes()
	revoked := key(cloudapi.KeyRequest{Scopes: all, AllPrinters: true})
	if err := h.client.RevokeKey(ctx, must(h.client.Keys(ctx, grove.Page{}))(h.t).Items[0].ID); err != nil {
		h.t.Fatal(err)
	}
	ended := h.newClient("")
	must(ended.Login(ctx, guestEmail, guestPassword))(h.t)
	endedToken := string(ended.Token())
	if err := ended.Logout(ctx); err != nil {
		h.t.Fatal(err)
	}
	hasty := must(access.New(ctx, access.Config{Records: h.server.db, TokenLife: 1, Log: slog.New(slog.DiscardHandler)}))(h.t)
	expired := must(hasty.Login(ctx, access.Credentials{Account: guestEmail, Password: guestPassword, Remote: "192.0.2.1"}))(h.t)
	const late = "grove_late"
	sum := sha256.Sum256([]byte(late))
	err := h.server.db.CreateKey(ctx, grove.Key{
		ID: "key_late", UserID: h.userID(h.client), Name: "late", Scopes: all, AllPrinters: true,
		ExpiresAt: time.Now().Add(-time.Minute), Hash: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	signedIn := must(h.server.access.Login(ctx, access.Credentials{Account: ownerEmail, Password: ownerPassword, Remote: "192.0.2.1"}))(h.t)
	browser := must(h.server.access.ForBrowser(ctx, signedIn))(h.t)
	viewer := h.viewer()
	carrier := must(h.client.CreateBridge(ctx, "Workshop"))(h.t)
	shown := map[resttest.Credential]login{
		resttest.NoCredential: {}, resttest.Garbage: {them, "nonsense"}, resttest.GarbageKey: {me, "grove_nonsense"},
		resttest.ExpiredToken: {them, string(expired.Access)}, resttest.EndedSession: {them, endedToken},
		resttest.BrowserCookie: {me, string(browser.Cookie)},
		resttest.ExpiredKey:    {me, late}, resttest.RevokedKey: {me, revoked},
		resttest.DistantKey:     {me, key(cloudapi.KeyRequest{Scopes: all, AllPrinters: true, Network: "192.0.2.0/24"})},
		resttest.UnscopedKey:    {me, key(cloudapi.KeyRequest{AllPrinters: true})},
		resttest.PrinterlessKey: {me, key(cloudapi.KeyRequest{Scopes: all})},
		resttest.AccessCode:     {"bblp", string(must(h.server.db.Printer(ctx, bench))(h.t).AccessCode)},
		resttest.BridgeKey:      {carrier.ID, string(carrier.Secret)},
		resttest.AnotherUser:    {them, string(guest.Token())},
		resttest.AnotherViewer:  {named(viewer), string(viewer.Token())},
		resttest.LookingGuest:   {them, string(guest.Token())},
		resttest.PrintingGuest:  {them, string(guest.Token())},
		resttest.RightUser:      {me, string(h.client.Token())},
	}
	for _, scope := range all {
		shown[resttest.KeyFor(scope)] = login{me, key(cloudapi.KeyRequest{Scopes: []grove.Action{scope}, Printers: []string{bench}})}
	}
	return shown
}

// viewer is an account that may only look, at printers of its own.
func (h *house) viewer() *client.Client {
	h.t.Helper()
	ctx := h.t.Context()
	i := must(h.client.Invite(ctx, cloudapi.InvitationRequest{Email: "vera@example.org", Role: grove.Viewer, Proof: cloudapi.Proof{Password: ownerPassword}}))(h.t)
	c := h.newClient("")
	must(c.AcceptInvitation(ctx, cloudapi.InvitationAccepted{Token: i.Token, Password: guestPassword, Name: "Vera"}))(h.t)
	must(c.Login(ctx, "vera@example.org", guestPassword))(h.t)
	return c
}

// tryTopics comes in as somebody, listens, and switches the light on.
func (h *house) tryTopics(name string, as login, want topics) {
	h.t.Helper()
	in := want.report != resttest.NotLetIn
	o := mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(h.server.ca.clientTLS()).SetAutoReconnect(false).
		SetProtocolVersion(4).SetUsername(as.user).SetPassword(as.password) // once: who fails too often is slowed down
	link := mqtt.NewClient(o)
	connected := link.Connect()
	if !connected.WaitTimeout(10*time.Second) || (connected.Error() == nil) != in {
		h.t.Errorf("%s: connected: %v, want in: %t", name, connected.Error(), in)
		return
	}
	if !in {
		return
	}
	defer link.Disconnect(100)
	topic := "device/" + bench + "/report"
	subscribed := link.Subscribe(topic, 0, func(mqtt.Client, mqtt.Message) {})
	granted := subscribed.WaitTimeout(10*time.Second) && subscribed.Error() == nil
	if s, ok := subscribed.(*mqtt.SubscribeToken); ok && s.Result()[topic] == 0x80 {
		granted = false
	}
	if granted != (want.report == resttest.Allowed) {
		h.t.Errorf("%s: subscribed: %t, want %q", name, granted, want.report)
	}
	before := h.commands()
	if p := link.Publish("device/"+bench+"/request", 1, false, lightOn); !p.WaitTimeout(10*time.Second) || p.Error() != nil {
		h.t.Errorf("%s: publish: %v", name, p.Error())
	}
	if did := h.commands() > before; did != (want.request == resttest.Allowed) {
		h.t.Errorf("%s: the light was switched: %t, want %q", name, did, want.request)
	}
}

// commands is how many commands are in the audit log. A command is there before its
// publication is acknowledged.
func (h *house) commands() int {
	h.t.Helper()
	list, err := h.server.db.Audit(h.t.Context(), 0, grove.Page{})
	if err != nil {
		h.t.Fatal(err)
	}
	n := 0
	for _, e := range list.Items {
		if e.Action == "printer.command" {
			n++
		}
	}
	return n
}
