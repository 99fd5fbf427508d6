// Fields with their label, hint and error. Each tells its text, never the event.
import type { ComponentChildren, Ref, VNode } from 'preact'
import { useId } from 'preact/hooks'
import { Icon } from './Icon'

interface Common {
  label: string
  /** Read by screen readers, not shown: where the place makes it plain. */
  hideLabel?: boolean | undefined
  hint?: ComponentChildren
  error?: string | null | undefined
  optional?: boolean | undefined
}

interface Wired {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': 'true' | undefined
}

/** A label, what `children` draws with the attributes given to it, a hint and an error. */
export function Field({ label, hideLabel, hint, error, optional, children }: Common & { children: (wired: Wired) => VNode }): VNode {
  const id = useId()
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label class={hideLabel ? 'sr-only' : 'field-label'} for={id}>
        {label} {optional && <span class="faint">optional</span>}
      </label>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error ? 'true' : undefined })}
      {hint && <div class="field-hint" id={`${id}-hint`}>{hint}</div>}
      {error && <div class="field-error" id={`${id}-error`} role="alert">{error}</div>}
    </div>
  )
}

/** What of an element's own attributes a field passes on. */
interface Native<E extends HTMLElement> {
  ref?: Ref<E>
  class?: string | undefined
  name?: string
  disabled?: boolean | undefined
  readOnly?: boolean | undefined
  required?: boolean | undefined
  autofocus?: boolean
  autocomplete?: string
  autocapitalize?: 'off'
  inputMode?: 'numeric' | 'decimal'
  spellcheck?: boolean
  placeholder?: string | undefined
  maxLength?: number | undefined
  onBlur?: ((event: FocusEvent) => void) | undefined
  onFocus?: ((event: FocusEvent) => void) | undefined
  onKeyDown?: ((event: KeyboardEvent) => void) | undefined
  onPaste?: ((event: ClipboardEvent) => void) | undefined
}

type TextFieldProps = Common &
  Native<HTMLInputElement> & {
    type?: 'text' | 'number' | 'password' | 'date' | 'datetime-local' | 'url' | 'email'
    step?: number | string
    /** The id of a `datalist`. */
    list?: string
    min?: number | string | undefined
    max?: number | string | undefined
    value: string
    onInput: (text: string) => void
  }

/** A line of text. */
export function TextField({ label, hideLabel, hint, error, optional, value, onInput, class: more, ...rest }: TextFieldProps): VNode {
  return (
    <Field {...{ label, hideLabel, hint, error, optional }}>
      {wired => <input type="text" autocomplete="off" {...(rest as object)} {...wired} class={more ? `input ${more}` : 'input'} value={value} onInput={event => onInput(event.currentTarget.value)} />}
    </Field>
  )
}

type TextAreaProps = Common & Native<HTMLTextAreaElement> & { value: string; onInput: (text: string) => void; code?: boolean | undefined; rows?: number }

/** Text of several lines; `code`: in the fixed font, without spelling marks. */
export function TextArea({ label, hideLabel, hint, error, optional, value, onInput, code, class: more, ...rest }: TextAreaProps): VNode {
  const names = ['textarea', code && 'textarea-code', more].filter(Boolean).join(' ')
  return (
    <Field {...{ label, hideLabel, hint, error, optional }}>
      {wired => <textarea {...(code ? { spellcheck: false, autocapitalize: 'off' } : {})} {...rest} {...wired} class={names} value={value} onInput={event => onInput(event.currentTarget.value)} />}
    </Field>
  )
}

export interface Option {
  value: string
  label: string
  disabled?: boolean
}

type SelectProps = Common & { name?: string; class?: string | undefined; disabled?: boolean | undefined; value: string; options: readonly Option[]; onChange: (value: string) => void }

/** One of a few. */
export function Select({ label, hideLabel, hint, error, optional, value, options, onChange, class: more, name, disabled }: SelectProps): VNode {
  return (
    <Field {...{ label, hideLabel, hint, error, optional }}>
      {wired => (
        <select name={name} disabled={disabled} {...wired} class={more ? `select ${more}` : 'select'} value={value} onChange={event => onChange(event.currentTarget.value)}>
          {options.map(option => <option key={option.value} value={option.value} disabled={option.disabled} selected={option.value === value}>{option.label}</option>)}
        </select>
      )}
    </Field>
  )
}

interface CheckboxProps {
  label: ComponentChildren
  hint?: ComponentChildren
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
}

/** Yes or no. */
export function Checkbox({ label, hint, checked, onChange, disabled }: CheckboxProps): VNode {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} disabled={disabled} onChange={event => onChange(event.currentTarget.checked)} />
      <span class="check-text">
        {label}
        {hint && <span class="field-hint"> {hint}</span>}
      </span>
    </label>
  )
}

interface SearchFieldProps {
  label: string
  value: string
  onInput: (text: string) => void
  placeholder?: string
}

/** A search; the key `/` leads to it. */
export function SearchField({ label, value, onInput, placeholder }: SearchFieldProps): VNode {
  return (
    <div class="search">
      <Icon name="search" />
      <input type="search" class="input" data-search aria-label={label} placeholder={placeholder ?? label} autocomplete="off" value={value} onInput={event => onInput(event.currentTarget.value)} />
    </div>
  )
}
