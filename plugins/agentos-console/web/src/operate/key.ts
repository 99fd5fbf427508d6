/** An API key, as the API shows it. */
export interface Key {
  id: string
  name: string
  owner: string
  scopes: string[]
  status: 'active' | 'expired' | 'revoked'
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  current: boolean
}

/** A key that was just made, with its secret, this once. */
export interface MadeKey extends Key {
  key: string
}
