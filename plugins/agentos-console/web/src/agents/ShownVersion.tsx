import type { Schemas } from '@agentos-server/client'
import type { VNode } from 'preact'
import { Dialog } from '../kit/Dialog'
import { Json } from '../kit/Json'
import { ErrorNotice, Loading } from '../kit/Notice'
import { useGet } from '../kit/useResource'

interface ShownProps {
  id: string
  version: number
  onClose: () => void
}

/** The definition of one version. */
export function Shown({ id, version, onClose }: ShownProps): VNode {
  const found = useGet<Schemas['AgentVersionDetail']>(`/api/v1/agents/${encodeURIComponent(id)}/versions/${version}`)
  return (
    <Dialog title={`Version ${version}`} wide onClose={onClose}>
      {found.error !== undefined && (
        <ErrorNotice error={found.error} what="The version could not be loaded" retry={found.refresh} />
      )}
      {found.data === undefined ? (
        found.error === undefined && <Loading />
      ) : (
        <Json value={found.data.definition} open={2} copy />
      )}
    </Dialog>
  )
}
