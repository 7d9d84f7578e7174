/** Korean: frame. */
export default {};
