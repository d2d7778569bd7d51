// Verify an order with go-jose: go run . JWKS ORDER. Prints the order; exits 1 if it is not to be believed.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

type owned struct {
	Keys []struct {
		Kid          string     `json:"kid"`
		Organisation string     `json:"organisation"`
		RetiredAt    *time.Time `json:"retired_at"`
	} `json:"keys"`
}

func main() {
	order, err := verified(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(order))
}

func verified(keysFile, orderFile string) ([]byte, error) {
	content, err := os.ReadFile(keysFile)
	if err != nil {
		return nil, err
	}
	jws, err := os.ReadFile(orderFile)
	if err != nil {
		return nil, err
	}
	var keys jose.JSONWebKeySet
	var owners owned
	if err := json.Unmarshal(content, &keys); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &owners); err != nil {
		return nil, err
	}
	// go-jose knows the algorithm by its older name alone, EdDSA, so the signature is checked over the signed bytes.
	parts := strings.Split(strings.TrimSpace(string(jws)), ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a compact JWS")
	}
	strict := base64.RawURLEncoding.Strict()
	var decoded [3][]byte
	for n, part := range parts {
		if decoded[n], err = strict.DecodeString(part); err != nil {
			return nil, err
		}
	}
	var header struct{ Alg, Kid, Typ string }
	if err := json.Unmarshal(decoded[0], &header); err != nil {
		return nil, err
	}
	found := keys.Key(header.Kid)
	if len(found) != 1 || header.Typ != "concord-order+json" || header.Alg != "Ed25519" {
		return nil, fmt.Errorf("not an order, or of a key that is not published")
	}
	key, is := found[0].Key.(ed25519.PublicKey)
	if !is || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), decoded[2]) {
		return nil, fmt.Errorf("not to be believed: the signature does not hold")
	}
	var order struct {
		Issuer   struct{ ID string }
		IssuedAt time.Time `json:"issued_at"`
	}
	if err := json.Unmarshal(decoded[1], &order); err != nil {
		return nil, err
	}
	for _, each := range owners.Keys {
		if each.Kid == header.Kid && each.Organisation == order.Issuer.ID {
			// Whoever stole a retired key can write any time: see docs/providers.md for what a client looks at besides.
			if each.RetiredAt != nil && !order.IssuedAt.Before(*each.RetiredAt) {
				return nil, fmt.Errorf("its key was retired before")
			}
			return decoded[1], nil
		}
	}
	return nil, fmt.Errorf("the key is not its issuer's")
}
