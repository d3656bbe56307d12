package own

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

// Tunnels carry printers over the connections of bridges.
type Tunnels interface {
	// Carry serves the connection of a bridge that was let in until it ends, and
	// closes it.
	Carry(ctx context.Context, conn net.Conn, id string, seen grove.BridgeSeen)
	// BridgeNow tells of a bridge that is connected.
	BridgeNow(id string) (seen grove.BridgeSeen, connected bool)
}

// tunnelProtocol is what a bridge asks to speak.
const tunnelProtocol = "grove-bridge"

func (f *face) mountBridges(rt *rest.Router) {
	const tag = "bridges"
	rest.Handle(rt, get("/bridges", tag, "My bridges in other networks, newest first, also those that were removed"), f.bridges)
	create := fresh(post("/bridges", tag, "Make a bridge for another network; its key is told this once"))
	create.About = "`grove bridge` runs there with the key and dials out to this server over one TLS connection; the printers of its network are then added with its id as `bridge`. " +
		"It carries this account's printers alone. Its key opens nothing else here, and no access code is told to it."
	create.Status = http.StatusCreated
	rest.Handle(rt, create, f.createBridge)
	remove := op(http.MethodDelete, "/bridges/{id}", tag, "Remove a bridge")
	remove.About = "Its key counts no more at once, and its connection ends within a second. Printers that were reached through it are not reached until they are told another address."
	rest.Handle(rt, remove, f.removeBridge)
	tunnel := get("/bridges/tunnel", tag, "The connection of a bridge")
	tunnel.About = "For `grove bridge` alone, by the key of the bridge: over HTTP/1.1 with `Upgrade: " + tunnelProtocol + "`. Afterwards the server is the client of HTTP/2 over this connection."
	tunnel.Bridge = true
	rest.Plain(rt, tunnel, rest.Raw{Also: map[int]string{http.StatusSwitchingProtocols: "The bridge is taken."}}, f.tunnel)
}

func (f *face) bridges(ctx context.Context, in *paged) (cloudapi.Data[[]grove.Bridge], error) {
	list, err := f.Access.Bridges(ctx, rest.Actor(ctx), in.Want())
	for i := range list.Items {
		if seen, connected := f.Tunnels.BridgeNow(list.Items[i].ID); connected {
			list.Items[i].BridgeSeen = seen
		}
	}
	return cloudapi.ListOf(list, in.Want()), err
}

type bridgeInput struct {
	Body cloudapi.BridgeRequest
}

func (f *face) createBridge(ctx context.Context, in *bridgeInput) (cloudapi.Data[cloudapi.BridgeCreated], error) {
	b, secret, err := f.Access.CreateBridge(ctx, rest.Actor(ctx), in.Body.Name)
	return cloudapi.Of(cloudapi.BridgeCreated{Bridge: b, Secret: secret}), err
}

func (f *face) removeBridge(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Access.RevokeBridge(ctx, rest.Actor(ctx), in.ID)
}

func (f *face) tunnel(w http.ResponseWriter, r *http.Request) {
	conn, seen, err := f.takeBridge(w, r)
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	ctx, stop := f.router.WhileServing(context.WithoutCancel(r.Context())) // the request is over
	defer stop()
	f.Tunnels.Carry(ctx, conn, rest.Actor(ctx).SessionID, seen)
}

// welcomeWithin is how long a bridge may take to read that it is taken.
const welcomeWithin = 10 * time.Second

// takeBridge makes the connection of a request that of a bridge.
func (f *face) takeBridge(w http.ResponseWriter, r *http.Request) (net.Conn, grove.BridgeSeen, error) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), tunnelProtocol) || r.ProtoMajor != 1 {
		return nil, grove.BridgeSeen{}, grove.Errorf(grove.Invalid, "no_upgrade",
			"this is for bridges, which ask over HTTP/1.1 to upgrade to %s; a proxy in front of the server must let that header pass", tunnelProtocol)
	}
	version, _ := strings.CutPrefix(r.UserAgent(), tunnelProtocol+"/")
	seen, err := f.Access.BridgeCame(r.Context(), rest.Actor(r.Context()), grove.BridgeSeen{
		Version: version, Address: rest.Remote(r.Context()).String(),
	})
	if err != nil {
		return nil, seen, err
	}
	conn, early, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, seen, err
	}
	if early.Reader.Buffered() > 0 || conn.SetWriteDeadline(time.Now().Add(welcomeWithin)) != nil {
		_ = conn.Close() // who speaks before it is asked is no bridge
		return nil, seen, net.ErrClosed
	}
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+tunnelProtocol+"\r\n\r\n")
	if err == nil {
		err = conn.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		f.router.Log.Debug("bridge left while it was taken", slog.Any("error", err))
	}
	return conn, seen, nil
}
